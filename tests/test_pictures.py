"""The page of a training run: what is drawn, and that it can be, whatever the run was like."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.image import imread

from cnnbp.pictures import Misread, Overview, save_overview
from cnnbp.pictures.curves import draw_loss, running_mean
from cnnbp.pictures.kernels import best_columns, draw_kernels, lay_out, title
from cnnbp.pictures.style import LOSS

#: Parts of the page, (left, top, right, bottom) of its width and height.
PANELS = {
    "title": (0.0, 0.0, 1.0, 0.1),
    "loss": (0.1, 0.16, 0.6, 0.4),
    "test error": (0.1, 0.5, 0.6, 0.67),
    "kernels": (0.65, 0.16, 0.97, 0.67),
    "misread title": (0.03, 0.76, 0.97, 0.79),
    "misread": (0.03, 0.8, 0.97, 1.0),
}


def misread(count=12, *, shape=(1, 28, 28), confidence=True, total=30, unread=0):
    rng = np.random.default_rng(0)
    return Misread(
        images=rng.integers(0, 256, (count, *shape)).astype(np.uint8),
        truth=np.full(count, 4),
        read=np.full(count, 9),
        confidence=np.full(count, 0.97) if confidence else None,
        total=total,
        unread=unread,
        tested=1000,
    )


def overview(**changes):
    rng = np.random.default_rng(0)
    parts = {
        "title": "LeNet reads 97.0 % of the test images right",
        "subtitle": "20c5-2m",
        "batch_losses": np.exp(-np.linspace(0, 4, 300)),
        "test_errors": np.linspace(0.5, 0.03, 6),
        "kernels": rng.standard_normal((20, 1, 5, 5)),
        "misread": misread(),
    }
    return Overview(**(parts | changes))


@pytest.fixture
def axes():
    return Figure().add_subplot()


def drawn(path):
    pixels = imread(path)
    assert pixels.shape[:2] == (792, 1200)
    return pixels[..., :3]


def part(pixels, panel):
    height, width = pixels.shape[:2]
    left, top, right, bottom = PANELS[panel]
    return pixels[int(top * height) : int(bottom * height), int(left * width) : int(right * width)]


# The page


@pytest.mark.parametrize("panel", PANELS)
def test_every_panel_of_the_page_shows_something(tmp_path, panel):
    save_overview(tmp_path / "page.png", overview())
    assert part(drawn(tmp_path / "page.png"), panel).min() < 0.5  # ink on white


@pytest.mark.parametrize(
    "changes",
    [
        {"batch_losses": np.array([]), "test_errors": np.array([])},
        {"batch_losses": np.array([0.5]), "test_errors": np.array([0.1])},
        {"batch_losses": np.array([np.nan, np.inf, 0.0]), "test_errors": np.array([0.9])},
        {"batch_losses": np.array([1e-300, 1e300] * 50)},
        {"batch_losses": np.full(100, 0.5), "test_errors": np.zeros(2)},
        {"kernels": None},
        {"kernels": np.zeros((1, 1, 1, 1))},
        {"kernels": np.full((6, 1, 5, 5), np.nan)},
        {"kernels": np.ones((32, 3, 7, 3))},
        {"misread": misread(0, total=0)},
        {"misread": misread(2, shape=(3, 8, 5), confidence=False, total=2)},
        {"misread": misread(2, shape=(2, 8, 8))},
        {"title": "100 $ \\frac{ _^ {", "subtitle": "$x$"},
    ],
    ids=[
        "interrupted in the first epoch",
        "one batch",
        "no loss that can be drawn",
        "losses at the ends of float64",
        "constant loss",
        "no convolution",
        "a kernel of zero",
        "kernels of NaN",
        "kernels of colours",
        "nothing misread",
        "colour images",
        "two channels",
        "TeX in a name",
    ],
)
def test_any_run_can_be_drawn(tmp_path, changes):
    save_overview(tmp_path / "page.png", overview(**changes))
    assert part(drawn(tmp_path / "page.png"), "title").min() < 0.5


def test_drawing_leaves_matplotlib_as_it_was_and_ignores_its_settings(tmp_path):
    save_overview(tmp_path / "usual.png", overview())
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "black"}):
        before = dict(mpl.rcParams)
        save_overview(tmp_path / "other.png", overview())
        assert dict(mpl.rcParams) == before
    np.testing.assert_array_equal(drawn(tmp_path / "usual.png"), drawn(tmp_path / "other.png"))


def test_a_page_that_cannot_be_written_is_an_os_error(tmp_path):
    with pytest.raises(OSError, match="nowhere"):
        save_overview(tmp_path / "nowhere" / "page.png", overview())


def test_a_tilde_is_the_home_folder(home):
    save_overview("~/page.png", overview())
    assert [path.name for path in home.iterdir()] == ["page.png"]


# The loss


def test_the_trend_of_a_straight_line_is_the_line_until_near_its_end():
    """A mean over the past alone would lag behind."""
    line = np.linspace(3.0, 1.0, 101)
    np.testing.assert_allclose(running_mean(line, reach=5)[:-5], line[:-5], rtol=1e-12)


def test_the_running_mean_is_that_of_the_neighbours():
    np.testing.assert_allclose(
        running_mean(np.array([4.0, 1.0, 1.0, 1.0, 9.0]), reach=1), [4.0, 2.0, 1.0, 11 / 3, 5.0]
    )


def test_losses_are_drawn_over_the_epochs_they_belong_to(axes):
    draw_loss(axes, np.array([4.0, np.nan, 2.0, 1.0]), epochs=2)
    batches, _trend = axes.lines
    np.testing.assert_array_equal(batches.get_xydata(), [[0.5, 4.0], [1.5, 2.0], [2.0, 1.0]])


def test_the_loss_of_a_single_batch_can_be_seen(tmp_path):
    """A line of one point has no length."""
    save_overview(tmp_path / "page.png", overview(batch_losses=np.array([0.5])))
    blue = np.abs(drawn(tmp_path / "page.png") - to_rgb(LOSS)) < 0.1
    assert blue.all(axis=2).sum() >= 9


def test_losses_that_are_not_finite_are_counted(axes):
    """A diverged training would be an empty panel otherwise."""
    draw_loss(axes, np.array([4.0, np.inf, np.nan, np.nan]), epochs=2)
    assert [text.get_text() for text in axes.texts] == ["not finite in 3 of 4 batches"]
    whole = Figure().add_subplot()
    draw_loss(whole, np.array([4.0, 0.0]), epochs=2)
    assert not whole.texts


# The kernels


def test_positive_weights_are_purple_negative_ones_orange_and_zero_is_white(axes):
    draw_kernels(axes, np.array([2.0, 0.0, -2.0]).reshape(3, 1, 1, 1), shape=10.0)
    (image,) = axes.images
    red, green, blue, _ = np.moveaxis(image.to_rgba(image.get_array()), -1, 0)[:, 0, ::2]
    assert blue[0] > red[0] > green[0]
    assert min(red[1], green[1], blue[1]) > 0.95
    assert red[2] > green[2] > blue[2]


@pytest.mark.parametrize(
    ("kernels", "words"),
    [
        (np.array([2.0, -1.0]), ["orange −2, white 0, purple +2"]),
        (
            np.array([2.0, np.nan, np.inf]),
            ["orange −2, white 0, purple +2", "green: 2 of 3 weights are not finite"],
        ),
        (np.full(3, np.nan), ["green: 3 of 3 weights are not finite"]),
    ],
)
def test_the_scale_of_kernels_tells_what_is_not_finite(axes, kernels, words):
    draw_kernels(axes, kernels.reshape(-1, 1, 1, 1), shape=1.0)
    assert axes.get_xlabel().split("\n") == words


def test_kernels_stand_in_rows_with_gaps_between_them():
    tiles = np.arange(3.0).reshape(3, 1, 1, 1) * np.ones((3, 2, 2, 1))
    n = np.nan
    np.testing.assert_array_equal(
        lay_out(tiles, columns=2)[..., 0],
        [[0, 0, n, 1, 1], [0, 0, n, 1, 1], [n, n, n, n, n], [2, 2, n, n, n], [2, 2, n, n, n]],
    )


@pytest.mark.parametrize(("count", "shape", "columns"), [(20, 0.8, 4), (6, 1.5, 3), (1, 1.0, 1)])
def test_kernels_fill_the_space_there_is(count, shape, columns):
    assert best_columns(count, shape) == columns


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((6, 1, 5, 5), "The 6 kernels of 5 × 5 in the first layer"),
        ((1, 1, 5, 5), "The kernel of 5 × 5 in the first layer"),
        ((16, 3, 3, 3), "The 16 kernels of 3 × 3 in the first layer"),
        ((50, 20, 5, 7), "64 of the 1,000 kernels of 5 × 7 in the first layer"),
    ],
)
def test_the_title_counts_the_kernels(shape, expected):
    assert title(np.zeros(shape)) == expected


# What was misread

NOT_READ = "not read, as outputs are not finite"


def test_a_caption_tells_what_was_read_and_what_it_is():
    assert misread().caption(0) == ("read 9 (97 %)", "is 4")
    assert misread(confidence=False).caption(0) == ("read 9", "is 4")


@pytest.mark.parametrize(
    ("count", "total", "unread", "expected"),
    [
        (0, 0, 0, "All 1,000 test images were read right"),
        (2, 2, 0, "All 2 misread of 1,000 test images"),
        (9, 30, 0, "9 of the 30 misread of 1,000 test images, the surest mistakes first"),
        (0, 0, 1000, "None of 1,000 test images was read: the outputs are not finite"),
        (0, 0, 4, f"None misread of 1,000 test images; 4 {NOT_READ}"),
        (2, 2, 4, f"All 2 misread of 1,000 test images; 4 {NOT_READ}"),
        (
            *(9, 30, 4),
            f"9 of the 30 misread of 1,000 test images, the surest mistakes first; 4 {NOT_READ}",
        ),
    ],
)
def test_the_title_tells_how_many_were_misread(count, total, unread, expected):
    assert misread(count, total=total, unread=unread).title == expected


def test_the_page_says_that_nothing_was_misread(tmp_path):
    save_overview(tmp_path / "page.png", overview(misread=misread(0, total=0)))
    assert part(drawn(tmp_path / "page.png"), "misread title").min() < 0.5
