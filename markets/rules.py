"""Rules that single edits and files share."""

KEEPS_HEADS_FROM = 10  # employees: below, a head-count of members names a person (design.md: Declaration)
TAKEN = "该主体已由其他单位登记"  # all that is said of a code outside the own scope
# Columns whose replaced values go to BusinessVersion: numbers are counted by them.
COUNTING = (
    "entity_type", "scale", "industry", "registered_on", "status", "not_operating", "employees", "is_key",
    "fixed_premises", "above_size", "market_id", "industry_area_id", "district_committee_id", "guidance_station_id",
    "district_id", "street_id",
)  # fmt: skip
