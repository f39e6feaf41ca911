"""Compares candidates for the second member of the ensemble, for the table in the model card.

Each candidate is trained and stacked with the boosted trees exactly as `train.py` does it, but in
simulated worlds of other seeds. The world that the package is trained and tested in has no part
in this. Takes about ten minutes. What is chosen goes into `members.CHOSEN` by hand.

    python choose.py
"""

from __future__ import annotations

from sklearn.metrics import average_precision_score, log_loss

import members
from card import choice_table, update_model_card
from data import CUSTOMERS, SEED, STACKING, TEST, TRAINING, Data, make_data
from features import Declaration

WORLDS = (SEED + 1, SEED + 2, SEED + 3)


def compare(data: Data) -> dict[str, tuple[float, float]]:
    """AUC-PR and log loss over this world's last window, of XGBoost alone and of each pair."""
    train, stack, last = (data.within(window) for window in (TRAINING, STACKING, TEST))
    label = data.label[last]
    results: dict[str, tuple[float, float]] = {}

    def probabilities(model: members.Member) -> tuple[members.Probabilities, members.Probabilities]:
        members.train(model, data.rows[train], data.label[train])
        return (
            members.fraud_probability(model, data.rows[stack]),
            members.fraud_probability(model, data.rows[last]),
        )

    def measure(name: str, probability: members.Probabilities) -> None:
        results[name] = average_precision_score(label, probability), log_loss(label, probability)
        print(f"{name}: AUC-PR {results[name][0]:.4f}, log loss {results[name][1]:.5f}", flush=True)

    boosted = probabilities(members.new_boosted())
    alone = members.calibrated(boosted[0], data.label[stack], boosted[1])
    measure("none: XGBoost alone", alone)
    for name, model in members.new_forests().items():
        forest = probabilities(model)
        stacker = members.fit_stacker(boosted[0], forest[0], data.label[stack])
        measure(name, stacker.predict(boosted[1], forest[1]))
    return results


def main() -> None:
    """Compares in each world and writes the table."""
    declaration = Declaration.load()
    worlds = [compare(make_data(declaration, seed, CUSTOMERS)) for seed in WORLDS]
    table = choice_table(worlds, members.CHOSEN)
    print(f"\n{table}")
    update_model_card("choice", table)


if __name__ == "__main__":
    main()
