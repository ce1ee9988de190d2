"""An attack that sees scores alone: random search in the box of a texture."""

from dataclasses import dataclass

import torch

from snapgui.engine.attack.objectives import Objective
from snapgui.engine.attack.packing import compose, round_through
from snapgui.engine.attack.texture import fit_texture, grid_shape
from snapgui.engine.settings import AttackSettings
from snapgui.engine.victim.victim import Victim

# A window of the proposal covers this share of the picture's side at first, and a site in the end.
_WIDEST = 0.4


@dataclass(frozen=True)
class Found:
    """What a search found: images ``(N, 3, H, W)`` at 8 bits, bool ``(N,)`` whether the class flipped, and
    int64 ``(N,)`` queries until then (all of them where it did not).
    """

    images: torch.Tensor
    flipped: torch.Tensor
    queries: torch.Tensor


@torch.no_grad()
def search_at_random(
    victim: Victim,
    images: torch.Tensor,
    masks: torch.Tensor,
    *,
    objective: Objective,
    settings: AttackSettings,
    queries: int,
) -> Found:
    """Propose, ask, keep what is better, until the class flips: no gradient is asked.

    A proposal gives all sites of a texture that lie in a random square window one new random value (painted
    nuclei: some cells new codes); the window shrinks with the queries, as that of Sparse-RS does (Croce et
    al., arXiv 2006.12834), whose patch of squares this makes one of cells, and whose cube of colours the box
    of the texture.

    Args:
        victim: asked for its answers alone.
        images: ``(N, 3, H, W)`` in [0, 1].
        masks: bool ``(N, 1, H, W)``.
        objective: what success is.
        settings: texture, bounds and seed.
        queries: of each image, the first of which is the texture's start.
    """
    texture = fit_texture(settings, images, masks)
    count, device = len(images), images.device
    rows, sites = texture.rows, texture.sites
    every = torch.arange(len(rows), device=device)
    pixels = torch.arange(len(texture.pixels.rows), device=device)
    chance = torch.Generator().manual_seed(settings.seed)
    position = texture.start(0)
    shape = (images.shape[2], images.shape[3])
    lines, columns = grid_shape(shape, settings.grid_px) if settings.texture == "retouch" else shape

    def shown(where: torch.Tensor, asked: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Pictures at a position, and the margins of those that are asked; of others none is asked."""
        own, chosen = every[asked[rows]], pixels[asked[texture.pixels.rows]]
        colours = round_through(texture.colours(where[own], own, chosen).clamp(0, 1))
        pictures = compose(images, texture.pixels.places[chosen], colours)
        answers = torch.full((count,), -torch.inf, device=device)
        which = asked.nonzero()[:, 0]
        answers[which] = objective[which].margin(victim(pictures[which]).float())
        return pictures, answers

    best, margin = shown(position, torch.ones(count, dtype=torch.bool, device=device))
    taken = torch.ones(count, dtype=torch.long, device=device)
    for query in range(1, queries):
        open_ones = margin <= 0
        if not bool(open_ones.any()):
            break
        share = _WIDEST * (1 - query / queries) ** 2
        if settings.texture == "nucleus":
            changed = torch.rand(len(rows), generator=chance).to(device) < max(share, 0.05)
            fresh = torch.rand(position.shape, generator=chance).to(position)
        else:
            top, left = (torch.rand(count, generator=chance).to(device) for _ in range(2))
            high, wide = max(1.0, share * lines), max(1.0, share * columns)
            down, across = sites // columns, sites % columns
            first_line, first_column = (top * lines - high / 2)[rows], (left * columns - wide / 2)[rows]
            changed = (down >= first_line) & (down < first_line + high)
            changed &= (across >= first_column) & (across < first_column + wide)
            fresh = torch.rand(count, position.shape[1], generator=chance).to(position)[rows]
        proposal = torch.where((changed & open_ones[rows])[:, None], fresh, position)
        pictures, answer = shown(proposal, open_ones)
        better = open_ones & (answer > margin)
        position = torch.where(better[rows, None], proposal, position)
        best = torch.where(better[:, None, None, None], pictures, best)
        margin = torch.where(better, answer, margin)
        taken += open_ones
    return Found(best, margin > 0, taken)
