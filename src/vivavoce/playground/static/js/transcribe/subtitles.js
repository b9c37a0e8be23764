// Captions as files: plain text, SubRip, WebVTT. A line is `{begin, end, text}`, in ms.

import { timestamp } from "../lib/clock.js";

/** Text, one caption a line. */
export function asText(lines) {
  return lines.map((line) => `${line.text.trim()}\n`).join("");
}

/** SubRip: numbered, with commas before the milliseconds. */
export function asSrt(lines) {
  return ordered(lines)
    .map((line, index) => `${index + 1}\n${timestamp(line.begin, ",")} --> ${timestamp(line.end, ",")}\n${line.text.trim()}\n\n`)
    .join("");
}

/** WebVTT. What would be markup in it is escaped, and an arrow cannot end a cue early. */
export function asVtt(lines) {
  const escape = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const cues = ordered(lines).map((line) => `${timestamp(line.begin)} --> ${timestamp(line.end)}\n${escape(line.text.trim())}\n\n`);
  return `WEBVTT\n\n${cues.join("")}`;
}

// A caption ends where the next one begins: players show one at a time.
function ordered(lines) {
  const sorted = [...lines].sort((one, other) => one.begin - other.begin);
  return sorted.map((line, index) => {
    const next = sorted[index + 1];
    const end = next ? Math.min(line.end, Math.max(next.begin, line.begin + 1)) : line.end;
    return { ...line, end: Math.max(end, line.begin + 1) };
  });
}
