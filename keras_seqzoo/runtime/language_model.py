"""Language models that continue a text."""

from collections.abc import Callable

from keras_seqzoo.runtime.files import ModelFile
from keras_seqzoo.runtime.runner import Runner
from keras_seqzoo.runtime.sampling import checked_sampling
from keras_seqzoo.runtime.text_tokens import TextTokens
from keras_seqzoo.runtime.token_sampling import USUAL_STEPS, generate_tokens


class LanguageModelRunner(Runner):
    """An exported `CharacterModel` or `WordModel`.

    Attributes:
        makes: "text".
        vocabulary: the known characters or words, without the end of a line.
        tokens: texts to ids and back.
    """

    makes = "text"

    def __init__(self, file: ModelFile, signatures: dict[str, Callable]) -> None:
        super().__init__(file, signatures)
        self.vocabulary = file.lines("vocabulary.txt")
        self._unit = file.description["task"]["unit"]
        self.tokens = TextTokens(self.vocabulary, self._unit)

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
        """Continues a text, as `LanguageModel.generate` does.

        Raises:
            UserError: an argument is out of range, or the file has no `step`.
        """
        self._check_streams()
        steps = USUAL_STEPS[self._unit] if steps is None else steps
        sampling = checked_sampling(steps, seed, temperature, top_k, top_p)
        primer = self.tokens.encode(primer)

        def step(ids, states):
            answer, states = self.step({"tokens": ids[None]}, states)
            return answer["scores"][0], states

        return self.tokens.decode(generate_tokens(step, sampling, primer))
