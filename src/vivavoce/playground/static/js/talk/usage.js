// What a call has used, and what that costs: the usage of every response and every transcript, at the server's prices.

const MILLION = 1_000_000;

const ROWS = [
  ["text_in", "Text in"],
  ["text_cached", "Text in, cached"],
  ["audio_in", "Audio in"],
  ["image_in", "Images in"],
  ["text_out", "Text out"],
  ["audio_out", "Audio out"],
];

/** Split the usage of a `response.done` into counts by price. */
export function counted(usage) {
  const inputs = usage?.input_token_details ?? {};
  const outputs = usage?.output_token_details ?? {};
  const cached = Math.min(inputs.cached_tokens ?? 0, inputs.text_tokens ?? 0);
  return {
    text_in: (inputs.text_tokens ?? 0) - cached,
    text_cached: cached,
    audio_in: inputs.audio_tokens ?? 0,
    image_in: inputs.image_tokens ?? 0,
    text_out: outputs.text_tokens ?? 0,
    audio_out: outputs.audio_tokens ?? 0,
  };
}

/** Return what counts cost, in US dollars. */
export function cost(counts, price) {
  return Object.entries(counts).reduce((sum, [name, count]) => sum + (count * (price?.[name] ?? 0)) / MILLION, 0);
}

/** The meter of one call. `prices` maps model names to prices. */
export class UsageMeter {
  constructor(prices, model, transcriber) {
    this.price = prices.get(model) ?? {};
    this.transcriberPrice = prices.get(transcriber) ?? {};
    this.counts = counted(null);
    this.responses = 0;
    this.seconds = 0;
    this.transcription = 0;
    this.last = 0;
  }

  /** Take an event; tell whether it changed anything. */
  take(event) {
    if (event.type === "response.done" && event.response.usage) {
      const counts = counted(event.response.usage);
      for (const name of Object.keys(counts)) this.counts[name] += counts[name];
      this.responses += 1;
      this.last = cost(counts, this.price);
      return true;
    }
    if (event.type === "conversation.item.input_audio_transcription.completed" && event.usage) {
      if (event.usage.type === "duration") {
        this.seconds += event.usage.seconds;
        this.transcription += (event.usage.seconds / 60) * (this.transcriberPrice.per_minute ?? 0);
      } else {
        const details = event.usage.input_token_details ?? {};
        const audio = details.audio_tokens ?? 0;
        this.seconds += audio / 10;
        this.transcription += (audio / 10 / 60) * (this.transcriberPrice.per_minute ?? 0);
      }
      return true;
    }
    return false;
  }

  /** What the call has cost, in US dollars. */
  get total() {
    return cost(this.counts, this.price) + this.transcription;
  }

  /** Rows of a table: what, how much, and what it costs. */
  rows() {
    const rows = ROWS.filter(([name]) => this.counts[name]).map(([name, label]) => ({
      label,
      amount: `${this.counts[name].toLocaleString("en")} tokens`,
      cost: cost({ [name]: this.counts[name] }, this.price),
    }));
    if (this.seconds) rows.push({ label: "Transcription", amount: `${Math.round(this.seconds)} s`, cost: this.transcription });
    return rows;
  }
}

/** Write an amount of money: small ones to a hundredth of a cent. */
export function dollars(amount) {
  if (amount === 0) return "$0";
  if (amount < 0.0001) return "under $0.0001";
  return `$${amount.toFixed(amount >= 1 ? 2 : 4)}`;
}
