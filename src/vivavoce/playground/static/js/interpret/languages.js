// Languages by their codes.

/** Name a language in the user's own words: `Spanish` for `es`. */
export function languageName(code, locale = undefined) {
  if (code === "*") return "any language";
  try {
    return new Intl.DisplayNames(locale ? [locale] : undefined, { type: "language" }).of(code) ?? code;
  } catch {
    return code;
  }
}

/** Say from which languages an interpreter into one understands. */
export function understood(pairs, target, locale = undefined) {
  const sources = pairs.filter(([, to]) => to === target).map(([from]) => from);
  if (sources.includes("*")) return "any language";
  return sources.map((code) => languageName(code, locale)).join(", ");
}
