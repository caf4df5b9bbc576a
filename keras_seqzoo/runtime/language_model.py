"""Language models that continue a text."""

from collections.abc import Callable

from keras_seqzoo.runtime.files import ModelFile
from keras_seqzoo.runtime.runner import Runner
from keras_seqzoo.runtime.sampling import checked_sampling
from keras_seqzoo.runtime.text_tokens import TextTokens
from keras_seqzoo.runtime.token_sampling import USUAL_STEPS, generate_tokens


class TextGenerator:
    """What a language model in Keras and an exported one have in common.

    Attributes:
        makes: "text".
        unit: "character" or "word".
        tokens: Texts to ids and back.
    """

    makes = "text"
    unit: str
    tokens: TextTokens

    def generate(
        self,
        steps: int | None = None,
        *,
        seed: int = 0,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        primer: str = "",
    ) -> str:
        """Continues a text, until an empty line at most; `<unk>` is not drawn.

        Args:
            steps: How many tokens to add to the primer, at most; None for 2,000
                characters or 100 words.
            seed: Of the draws; the same seed makes the same text.
            temperature: Divides the logits; below 1 the text is safer, and at 0 the
                likeliest token comes next.
            top_k: Only the k likeliest tokens may come next; None for all.
            top_p: Only the likeliest tokens that make up this share may come next;
                None for all.
            primer: The text to go on from.

        Returns:
            The primer as it was given, and what was added.

        Raises:
            UserError: An argument is out of range, the primer has a token that is not
                known, or an exported file has no `step`.
        """
        steps = USUAL_STEPS[self.unit] if steps is None else steps
        sampling = checked_sampling(steps, seed, temperature, top_k, top_p)
        read = self.tokens.encode(primer)

        def step(ids, states):
            answer, states = self.step({"tokens": ids[None]}, states)
            return answer["scores"][0], states

        drawn = generate_tokens(step, sampling, read, self.tokens.never_drawn)
        return self.tokens.continued(primer, drawn)


class LanguageModelRunner(TextGenerator, Runner):
    """An exported `CharacterModel` or `WordModel`.

    Attributes:
        vocabulary: the known characters or words, without the end of a line.
    """

    def __init__(self, file: ModelFile, signatures: dict[str, Callable]) -> None:
        super().__init__(file, signatures)
        self.vocabulary = file.lines("vocabulary.txt")
        self.unit = file.description["task"]["unit"]
        self.tokens = TextTokens(self.vocabulary, self.unit)
