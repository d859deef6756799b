"""One backward pass on one image, layer by layer, in the words of the notes."""

from cnnbp.explain.by_hand import ByHand
from cnnbp.explain.explanation import Explanation, Update, explain

__all__ = ["ByHand", "Explanation", "Update", "explain"]
