"""Say hello to a Vivavoce server with the official client; write the spoken answer to reply.pcm (24 kHz, 16 bit, mono).

Run `make serve` in another terminal first, then: python examples/hello.py
"""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path

from openai import AsyncOpenAI


async def main() -> None:
    client = AsyncOpenAI(base_url="http://127.0.0.1:8000/v1", api_key="none")
    audio = b""
    async with client.realtime.connect(model="gpt-realtime-2") as connection:
        await connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello!"}]}
        )
        await connection.response.create()
        async for event in connection:
            if event.type == "response.output_audio.delta":
                audio += base64.b64decode(event.delta)
            elif event.type == "response.output_audio_transcript.done":
                print("agent:", event.transcript)
            elif event.type == "error":
                print("error:", event.error.message)
            elif event.type == "response.done":
                break
    Path("reply.pcm").write_bytes(audio)
    print(f"{len(audio) / 48_000:.1f} s of speech in reply.pcm")


if __name__ == "__main__":
    asyncio.run(main())
