"""Bases: which enterprises form the denominator of a rate; none is given without one."""

from dataclasses import dataclass

from app.catalogue.labels import Label
from app.catalogue.vocabulary import Basis


@dataclass(frozen=True)
class BasisMeaning:
    """What a basis means.

    Parameters
    ----------
    code
        Its name in every format.
    label
        Its name for people.
    definition
        Which enterprises belong to it; what is unknown puts an enterprise outside the basis that needs it.
    public
        Whether the public tier can give it.
    """

    code: Basis
    label: Label
    definition: str
    public: bool = False


BASES: tuple[BasisMeaning, ...] = (
    BasisMeaning(Basis.REGISTERED, Label("登记单位", "Registered"), "In the register on the date."),
    BasisMeaning(
        Basis.OPERATING,
        Label("在营单位", "Operating"),
        "Registered, and the latest return says that it operates (blank: yes; no return: no). The default.",
        public=True,
    ),
    BasisMeaning(
        Basis.SURVEYED,
        Label("摸排单位", "Surveyed"),
        "Operating, with fixed premises and a headcount of at least 10 (social organisations: 30), or as the "
        "snapshot's thresholds say: the three haves.",
    ),
    BasisMeaning(
        Basis.ELIGIBLE,
        Label("应建单位", "Eligible"),
        "Operating, with at least 3 full members, or as the snapshot's threshold says: must establish an organisation.",
    ),
    BasisMeaning(
        Basis.ABOVE_SIZE,
        Label("规模以上单位", "Above designated size"),
        "Operating, and above designated size by its latest return.",
    ),
)
"""All bases, in the order in which answers list them."""
