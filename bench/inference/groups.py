"""How many sentences a scene is read for at once: as many as there is memory for."""

from itertools import pairwise

from bench.images.memory import free_memory
from bench.images.scene import HeldScene, Scene
from bench.terminal.errors import UserError

ODDS = 4  # bytes a pixel of one row of windows
ANSWER = 5  # bytes a pixel of a mask and its probabilities, where they are held
SHARE = 0.5  # of the free memory: the model, strips and files in the making take some too


def sentence_groups(scene: Scene, side: int, count: int) -> list[slice]:
    """Cuts sentences into groups, for each of which the scene is read once.

    Args:
        scene: The image.
        side: Of the windows, in pixels of the scene.
        count: Of the sentences, 1 or more.

    Returns:
        Of nearly the same size, in order; one group where the system does not say how much memory is free.

    Raises:
        UserError: There is not the memory for a single sentence.
    """
    free = free_memory()
    if free is None:
        return [slice(0, count)]
    needed = bytes_a_sentence(scene, side)
    if needed > free:
        raise UserError(
            f"{scene.path}: windows of {side} pixels over {scene.width} columns take {needed / 1e9:.2f} GB of memory "
            f"a sentence, {free / 1e9:.2f} GB are free.",
            "Pass a smaller tile= (or a larger scale=), or end what takes the memory.",
        )
    number = -(-count // max(1, int(SHARE * free / needed)))
    ends = [count * place // number for place in range(number + 1)]
    return [slice(*pair) for pair in pairwise(ends)]


def bytes_a_sentence(scene: Scene, side: int) -> int:
    """What is kept of each sentence while a scene is read in windows."""
    answer = ANSWER * scene.height * scene.width if isinstance(scene, HeldScene) else 0
    return ODDS * side * max(scene.width, side) + answer
