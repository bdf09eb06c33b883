"""Trainings that have a name, and what the paper reports of those that are its own."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from readtrack.read.config import READ_M, READ_R50, ReadConfig
from readtrack.training.config import TrainConfig


@dataclass(frozen=True)
class Figures:
    """Percentages of the paper; None where it gives none, or our copy of it is cut off."""

    top1: float | None
    top5: float | None
    top10: float | None
    map_trapezoid: float | None

    def __str__(self) -> str:
        return " / ".join("-" if value is None else f"{value:.1f}" for value in asdict(self).values())


READ_S = TrainConfig(hard_group=4, teacher=1.0)
MARS = TrainConfig(  # paper Sec. 4.3, with horizontal flips
    model=READ_R50,
    dataset="mars",
    query_images=4,
    flip=0.5,
    augmentation="none",
    discriminator=1.0,
    reciprocal_triplet=1.0,  # Eq. 4
    listwise=0.0,
    identity=0.0,
    triplet=0.0,
    learning_rate=1e-4,
    clip_gradient=0.0,
    schedule="steps",
    milestones=(60, 180),  # the paper: "60 or 100, and 180 or 200"
    epochs=220,  # the paper names no end; its learning rate is at its lowest from the last milestone on
    steps=0,
    validate_every=10,
)
DUKE = replace(MARS, dataset="duke")
AVERAGE = replace(READ_R50, head="average")
METRIC = replace(  # of TKP (Gu et al., ICCV 2019), as far as READ's paper tells: layer4 ("res5"), no pair losses
    MARS,
    model=replace(READ_R50, head="metric", backbone="resnet50_layer4"),
    samples_per_person=(4,),  # ours
    discriminator=0.0,
    reciprocal_triplet=0.0,
    identity=1.0,
    triplet=1.0,
)

RECIPES = {
    "read-s": READ_S,
    # Goes on from it (--init): people who stand beside each other, seen by any camera.
    "read-s-world": replace(
        READ_S, streets=40, augmentation="world", learning_rate=3e-4, steps=1200, validate_every=300
    ),
    # A small encoder learns the maps of a large one (--teacher read-m), of whatever is given beside Market (--also).
    "read-s-distilled": replace(
        READ_S,
        model=ReadConfig(backbone="mobilenet_v2_256", pooled_cosine=True),
        identity=0.0,
        triplet=0.0,
        teacher=2.0,
        teacher_likeness=1.0,
        teacher_maps=1.0,
        streets=8,
        scene_share=0.375,
        learning_rate=1e-3,
        steps=2200,
    ),
    # A frozen re-ID network (--init person-reidentification-retail-0277.xml); only the head learns.
    "read-m": replace(
        READ_S, model=READ_M, hard_group=1, freeze_encoder=True, identity=0.0, triplet=0.0, teacher=0.0, steps=400
    ),
    # The same with one thing changed: what the reciprocal attention, the join and the discriminator are each worth.
    "read-s-average": replace(READ_S, model=ReadConfig(head="average")),
    "read-s-paper-join": replace(READ_S, model=ReadConfig(join="paper")),
    "read-s-baseline-discriminator": replace(READ_S, model=ReadConfig(head="average", join="paper")),
    "read-s-baseline-metric": replace(
        READ_S,
        model=ReadConfig(head="metric"),
        discriminator=0.0,
        reciprocal_triplet=0.0,
        listwise=0.0,
        identity=1.0,
        triplet=1.0,
    ),
    # Table 1, MARS.
    "paper-mars": MARS,
    "paper-mars-no-flip": replace(MARS, flip=0.0),
    "paper-mars-no-triplet": replace(MARS, reciprocal_triplet=0.0),
    "paper-mars-avgid16": replace(MARS, samples_per_person=(2,)),
    "paper-mars-avgid13.8": replace(MARS, samples_per_person=(1, 2, 2, 3, 4)),  # "randomness to the number"
    "paper-mars-baseline-discriminator": replace(MARS, model=AVERAGE),
    "paper-mars-baseline-metric": METRIC,
    # Table 1, DukeMTMC-VideoReID.
    "paper-duke": DUKE,
    "paper-duke-no-flip": replace(DUKE, flip=0.0),
    "paper-duke-no-triplet": replace(DUKE, reciprocal_triplet=0.0),
    "paper-duke-avgid16": replace(DUKE, samples_per_person=(2,)),
    "paper-duke-avgid13.3": replace(DUKE, samples_per_person=(4,)),  # as far as a person has tracklets
    "paper-duke-baseline-discriminator": replace(DUKE, model=AVERAGE),
    "paper-duke-baseline-metric": replace(METRIC, dataset="duke"),
    # Table 3(a): without query sample normalisation (Eq. 3).
    "paper-duke-single-query": replace(DUKE, query_images=1),
    "paper-duke-single-query-avgid16": replace(DUKE, query_images=1, samples_per_person=(2,)),
    "paper-duke-single-query-avgid13.3": replace(DUKE, query_images=1, samples_per_person=(4,)),
    # Table 3(b): T; its T = 4 is paper-duke.
    "paper-duke-t2": replace(DUKE, model=replace(READ_R50, clip_length=2)),
    "paper-duke-t6": replace(DUKE, model=replace(READ_R50, clip_length=6)),
    "paper-duke-t8": replace(DUKE, model=replace(READ_R50, clip_length=8)),
    # Table 3(d): its other direction is paper-duke.
    "paper-duke-triplet-galleries": replace(DUKE, triplet_direction="galleries"),
}

PAPER = {
    "paper-mars": Figures(81.5, 91.2, 93.3, 69.9),
    "paper-mars-no-flip": Figures(81.5, 92.1, 93.8, 70.4),  # the one of Table 2
    "paper-mars-no-triplet": Figures(80.3, 90.2, 93.1, 68.6),
    "paper-mars-avgid16": Figures(76.6, 86.9, 89.6, None),
    "paper-mars-avgid13.8": Figures(77.6, 88.2, 90.8, None),
    "paper-mars-baseline-discriminator": Figures(65.0, 81.0, 85.7, 53.2),
    "paper-mars-baseline-metric": Figures(67.1, None, None, 55.5),
    "paper-duke": Figures(86.3, 94.4, 96.2, 83.3),  # mAP 83.4 in Tables 2 and 3(b)
    "paper-duke-no-flip": Figures(85.8, 93.0, 95.7, 82.0),
    "paper-duke-no-triplet": Figures(84.1, 93.5, 95.0, 80.9),
    "paper-duke-avgid16": Figures(86.0, 93.7, 95.3, 83.4),
    "paper-duke-avgid13.3": Figures(84.9, 94.3, 96.6, 82.9),
    "paper-duke-baseline-discriminator": Figures(75.2, 88.9, 92.9, 71.7),
    "paper-duke-baseline-metric": Figures(67.5, None, None, 65.6),
    "paper-duke-single-query": Figures(80.3, 91.2, 94.6, 77.8),
    "paper-duke-single-query-avgid16": Figures(83.6, 92.7, 95.0, 81.0),
    "paper-duke-single-query-avgid13.3": Figures(83.0, 93.3, 95.4, 81.1),
    "paper-duke-t2": Figures(83.2, 92.6, None, 79.0),
    "paper-duke-t6": Figures(85.2, 94.4, None, 82.2),
    "paper-duke-t8": Figures(85.9, 94.4, None, 82.7),
    "paper-duke-triplet-galleries": Figures(83.0, 93.0, 95.0, 79.9),
}


def differences(one: TrainConfig, other: TrainConfig) -> dict[str, tuple[Any, Any]]:
    """Settings that are not equal, those of the network as ``model.name``, with both values."""
    first, second = ({**asdict(config), **_prefixed(config.model)} for config in (one, other))
    return {name: (first[name], second[name]) for name in first if name != "model" and first[name] != second[name]}


def list_recipes() -> str:
    """All recipes, one a line: data set, what is unlike the recipe that its family starts with, the paper's figures."""
    lines = ["recipe | data set | unlike the first of its family | paper's top-1 / top-5 / top-10 / mAP"]
    families = {"read-s": READ_S, "read-m": READ_S, "paper-mars": MARS, "paper-duke": DUKE}
    for name, config in RECIPES.items():
        first = next(first for family, first in families.items() if name.startswith(family))
        unlike = ", ".join(f"{what}={theirs}" for what, (theirs, _) in differences(config, first).items())
        lines.append(f"{name} | {config.dataset} | {unlike or '-'} | {PAPER.get(name, '-')}")
    return "\n".join(lines)


def _prefixed(model: ReadConfig) -> dict[str, Any]:
    return {f"model.{name}": value for name, value in asdict(model).items()}
