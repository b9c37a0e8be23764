"""A trigram language model from weighted phrases, written in the ARPA format the decoder reads.

Smoothing is interpolated Witten-Bell: the mass a history keeps for words it has not seen is its number of distinct followers
against its count. It needs no counts of counts, which generated phrases do not have in any natural shape (that is what Good-Turing
and Kneser-Ney estimate their discounts from), and it is exact in back-off form.

Source: I. H. Witten and T. C. Bell, "The zero-frequency problem", IEEE Trans. Inf. Theory 37(4), 1991, method C; the recursive
interpolation as in S. F. Chen and J. Goodman, "An empirical study of smoothing techniques for language modeling", 1998, section 2.6.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import log10

START = "<s>"
END = "</s>"
_NEVER = -99.0
"""log10 of a probability that is never used: a sentence start is not predicted, an unseen history has no weight to give."""

Gram = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WeightedPhrase:
    """Words somebody may say, and how often relative to other phrases."""

    words: Gram
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class TrigramModel:
    """Probabilities and back-off weights, natural scale, by n-gram (1 to 3 words)."""

    probabilities: Mapping[Gram, float]
    backoffs: Mapping[Gram, float]

    def probability(self, word: str, history: Gram = ()) -> float:
        """Return P(word | the last two words of history), backing off as an ARPA reader does."""
        history = history[-2:]
        found = self.probabilities.get((*history, word))
        if found is not None:
            return found
        if not history:
            return 0.0
        return self.backoffs.get(history, 1.0) * self.probability(word, history[1:])

    @property
    def words(self) -> tuple[str, ...]:
        """Every word but the sentence marks."""
        return tuple(gram[0] for gram in self.probabilities if len(gram) == 1 and gram[0] not in (START, END))

    def arpa(self) -> str:
        """Return the model as an ARPA file."""
        orders: list[list[str]] = [[], [], []]
        for gram, probability in sorted(self.probabilities.items()):
            line = f"{log10(probability) if probability > 0 else _NEVER:.4f} {' '.join(gram)}"
            if len(gram) < len(orders):
                line += f" {log10(self.backoffs.get(gram, 1.0)):.4f}"
            orders[len(gram) - 1].append(line)
        head = [r"\data" + "\\", *(f"ngram {order}={len(lines)}" for order, lines in enumerate(orders, 1)), ""]
        body = [line for order, lines in enumerate(orders, 1) for line in (f"\\{order}-grams:", *lines, "")]
        return "\n".join([*head, *body, "\\end\\", ""])


def train(phrases: Iterable[WeightedPhrase], background: Mapping[str, float], *, novelty: float = 1.0) -> TrigramModel:
    """Estimate a trigram model.

    Args:
        phrases: the sentences, without sentence marks.
        background: relative weights of the words that may turn up anywhere, the distribution the unigrams back off to. Words of
            the phrases need not be in it.
        novelty: scale of the mass kept for the unseen; 1.0 is Witten-Bell, more is smoother.

    Raises:
        ValueError: there is no phrase with a word.
    """
    counts: dict[Gram, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for phrase in phrases:
        if not phrase.words:
            continue
        before, last = "", START
        for word in (*phrase.words, END):
            counts[()][word] += phrase.weight
            counts[(last,)][word] += phrase.weight
            if before:
                counts[before, last][word] += phrase.weight
            before, last = last, word
    if not counts:
        raise ValueError("no phrases to learn from")

    lower = _floor(counts[()], background)
    probabilities: dict[Gram, float] = {(START,): 0.0}
    backoffs: dict[Gram, float] = {}
    for history in sorted(counts, key=len):
        followers = counts[history]
        total, kept = sum(followers.values()), novelty * len(followers)
        backoff = kept / (total + kept)
        if history:
            backoffs[history] = backoff
            for word, count in followers.items():
                # Witten-Bell's interpolation; shorter histories come first, so the lower order is already there.
                probabilities[(*history, word)] = count / (total + kept) + backoff * probabilities[(*history[1:], word)]
        else:
            for word, weight in lower.items():
                probabilities[(word,)] = followers.get(word, 0.0) / (total + kept) + backoff * weight
    return TrigramModel(probabilities, backoffs)


def _floor(seen: Mapping[str, float], background: Mapping[str, float]) -> dict[str, float]:
    """Return the distribution below the unigrams: half uniform over the words seen, half the background."""
    floor = {word: 0.5 / len(seen) for word in seen}
    mass = sum(background.values())
    if not mass:
        return {word: 1.0 / len(seen) for word in seen}
    for word, weight in background.items():
        floor[word] = floor.get(word, 0.0) + 0.5 * weight / mass
    return floor
