"""Scores of customers, from a model that is trained elsewhere."""

from interlace import model


@model(
    depends_on=("staging.orders",),
    columns={"customer_id": "BIGINT", "score": "DOUBLE"},
    tags=["scores"],
)
def customer_scores(staging_orders):
    for batch in staging_orders.reader():
        yield score(batch)
