"""The page of one pass: all of it can be drawn, words fit, and what is not finite is told."""

import dataclasses

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.image import imread

import cnnbp
from cnnbp import layers as L  # noqa: N812
from cnnbp.cli.illustration import make_sheet, save_sheet_of
from cnnbp.equation import Equation
from cnnbp.explain import explain
from cnnbp.pictures import Row, Sheet, save_sheet
from cnnbp.pictures.kernels import draw_kernels
from cnnbp.pictures.sheet import draw_array
from cnnbp.pictures.style import NOT_FINITE


@pytest.fixture
def axes():
    return Figure().add_subplot()


def sheet(*panels):
    rows = (Row("0  Conv2d(6, 5)", "δ_j = f'(u_j) ∘ up(δ_j^next) / n²", panels),)
    return Sheet("title", "subtitle", np.ones((1, 28, 28)), ("",) * len(panels), rows)


@pytest.mark.parametrize(
    "values",
    [
        np.zeros((6, 24, 24)),
        np.full((3, 2, 2), np.nan),
        np.ones((50, 20, 5, 5)),
        -np.ones((10, 192)),
        np.ones(500),
        np.array([-1e-300]),
        np.array([np.inf, 0.0]),
        np.array([1.7e308, -1.7e308, np.nan]),
        np.array([[1.7e308, -1.7e308, np.nan]]),
    ],
    ids=lambda values: str(values.shape),
)
def test_any_array_can_be_drawn_on_a_sheet(tmp_path, values):
    save_sheet(tmp_path / "sheet.png", sheet(values, None, values))
    assert imread(tmp_path / "sheet.png").shape[:2] == (429, 1320)


@pytest.mark.parametrize(
    ("title", "equation"), [(20, 1), (20, 90), (60, 90), (90, 90), (30, 240), (600, 2000)]
)
def test_words_of_any_length_stay_on_the_sheet_and_do_not_overlap(
    tmp_path, monkeypatch, title, equation
):
    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: drawn.append(figure))
    rows = (Row("n" * title, ("δ_j^next, (" * 200)[:equation], (np.array([np.nan, 1.0]),)),) * 2
    head = "one backward pass " * (title // 18 + 1), "Loss, (0.88, 1.04) " * (equation // 19 + 1)
    save_sheet(tmp_path / "sheet.png", Sheet(*head, np.ones((1, 3, 3)), ("u",), rows))
    (figure,) = drawn
    captions = [axes.xaxis.label for axes in figure.axes]
    figure.draw_without_rendering()
    texts = [text for text in (*figure.texts, *captions) if text.get_text()]
    assert len(texts) == 9
    boxes = [text.get_window_extent() for text in texts]
    for place, box in enumerate(boxes):
        assert figure.bbox.x0 < box.x0 < box.x1 < figure.bbox.x1
        assert figure.bbox.y0 < box.y0 < box.y1 < figure.bbox.y1
        assert not any(box.overlaps(other) for other in boxes[:place])


def test_zero_is_white_in_the_middle_where_there_are_signs(axes):
    draw_array(axes, np.array([[[-1.0, 0.0, 3.0]]]), shape=1.0)
    (image,) = axes.images
    one, zero, three = image.to_rgba(image.get_array())[0]
    np.testing.assert_allclose(image.norm(image.get_array())[0], [2 / 6, 3 / 6, 1.0])
    assert min(zero[:3]) > 0.95
    assert one[0] > one[2]
    assert three[2] > three[0]


@pytest.mark.parametrize("draw", [draw_array, draw_kernels])
@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_not_finite_has_a_colour_of_its_own(axes, draw, channels):
    """Also where all else is 0, which is drawn in white; gaps between tiles stay empty."""
    kernels = np.zeros((2, channels, 1, 2))
    kernels[0, -1, 0, 1] = np.nan
    kernels[1, -1, 0, 0] = -np.inf
    draw(axes, kernels, shape=10.0)
    image, marks = axes.images
    assert image.get_extent() == marks.get_extent()
    *rgb, alpha = np.moveaxis(marks.to_rgba(marks.get_array()), -1, 0)
    green = np.isclose(np.moveaxis(rgb, 0, -1), to_rgb(NOT_FINITE)).all(axis=-1)
    assert green.sum() == 2
    assert np.array_equal(alpha, green)


def test_a_bar_that_is_not_finite_is_as_high_as_the_panel(axes):
    draw_array(axes, np.array([1.0, np.nan, -2.0, np.inf]), shape=1.0)
    marked = [bar for bar in axes.patches if bar.get_facecolor()[:3] == to_rgb(NOT_FINITE)]
    assert [bar.get_x() + bar.get_width() / 2 for bar in marked] == [1, 3]
    for bar in marked:
        assert (bar.get_y(), bar.get_y() + bar.get_height()) == axes.get_ylim()


@pytest.mark.parametrize(
    ("values", "caption"),
    [
        (np.full((6, 24, 24), -0.5), "6 maps of 24 × 24, ±0.5"),
        (np.ones((50, 20, 5, 7)), "48 of 1,000 kernels of 5 × 7, 0 … 1"),
        (np.ones((10, 192)), "10 × 192, 0 … 1"),
        (-np.ones(10), "10 numbers, ±1"),
        (np.ones(1), "1 number, 0 … 1"),
        (np.ones((1, 12, 12)), "1 map of 12 × 12, 0 … 1"),
        (np.ones((1, 1, 5, 5)), "1 kernel of 5 × 5, 0 … 1"),
        (np.full(10, np.nan), "10 numbers, not finite"),
        (np.full((1, 2, 2), np.inf), "1 map of 2 × 2, not finite"),
        (np.array([np.nan, 3.0, np.inf]), "3 numbers, 0 … 3\n2 of 3 not finite"),
        (np.array([[-np.inf, -3.0], [1.0, 2.0]]), "2 × 2, ±3\n1 of 4 not finite"),
    ],
)
def test_a_caption_counts_what_is_drawn_and_gives_the_scale(axes, values, caption):
    draw_array(axes, values, shape=1.0)
    assert axes.get_xlabel() == caption


def test_a_tilde_is_the_home_folder(home):
    save_sheet("~/sheet.png", sheet(np.ones(3)))
    assert [path.name for path in home.iterdir()] == ["sheet.png"]


# The sheet of an explanation

IMAGE = np.random.default_rng(3).random((2, 9, 8))


def explained(*layers, loss, **parameters):
    net = cnnbp.Network(layers, input_shape=(2, 9, 8), loss=loss)
    net.load_state_dict(net.state_dict() | parameters)
    return explain(net, IMAGE, 1), net


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        (3, "(0.333, 1.33, 2.33)"),
        (11, "(0.333, 1.33, 2.33, 3.33, 4.33, 5.33, 6.33, 7.33, 8.33, …, 10.3)"),
        (600, "(0.333, 1.33, 2.33, 3.33, 4.33, 5.33, 6.33, 7.33, 8.33, …, 599)"),
    ],
)
def test_numbers_of_a_loss_are_written_short(classes, words, tmp_path):
    weights = tuple((np.arange(classes) + 1 / 3).tolist())
    told, net = explained(L.Linear(3), loss="cross_entropy")
    told = dataclasses.replace(told, loss=Equation(f"E = Loss(w={weights}, s=0.25) of o", "source"))
    assert f"E = Loss(w={words}, s=0.25) of o = " in make_sheet(told, net).subtitle
    assert imread(save_sheet_of(told, net, tmp_path / "sheet.png")).shape == (429, 1320, 4)


@pytest.mark.parametrize(("bias", "told"), [(0.0, False), (np.inf, True), (np.nan, True)])
def test_the_sheet_names_the_colour_of_what_is_not_finite_where_there_is_any(bias, told):
    parameters = {"0.bias": np.array([0.0, bias])}
    sheet = make_sheet(*explained(L.Conv2d(2, 3), L.Linear(3), loss="cross_entropy", **parameters))
    assert ("green not finite" in sheet.subtitle) == told
