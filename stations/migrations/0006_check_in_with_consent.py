"""A check-in is one call: planned once for a connection, and able to find somebody from any district (stations/services.py)."""

from django.conf import settings
from django.db import migrations

NAME = "check_in_with_consent"
TYPES = "bigint, bytea, bigint, text, date, timestamptz, timestamptz, uuid, text, bigint"
FORWARD = [
    f"""
CREATE FUNCTION {NAME}(
    the_member bigint, the_code bytea, the_place bigint, the_purpose text, the_day date, the_time timestamptz,
    received timestamptz, the_nonce uuid, the_channel text, the_officer bigint
) RETURNS SETOF stations_checkin LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF the_code IS NOT NULL THEN
        the_member := (SELECT c.member_id FROM members_membercode c
            WHERE c.code_index = the_code AND c.revoked_at IS NULL);
    END IF;
    RETURN QUERY
    INSERT INTO stations_checkin (member_id, place_id, purpose, "on", occurred_at, received_at, nonce, channel, by_id,
                                  district_committee_id, guidance_station_id, district_id, street_id)
    SELECT m.id, p.id, the_purpose, the_day, the_time, received, the_nonce, the_channel, the_officer,
           p.district_committee_id, p.guidance_station_id, p.district_id, p.street_id
    FROM members_member m, stations_servicepoint p
    WHERE m.id = the_member AND m.ended = '' AND m.erased_at IS NULL AND p.id = the_place AND p.closed_on IS NULL
      AND (EXISTS (SELECT FROM members_consent c
                   WHERE c.member_id = m.id AND c.item = 'check_in' AND c.withdrawn_at IS NULL)
           OR EXISTS (SELECT FROM members_registration r JOIN members_consent c ON c.registration_id = r.id
                      WHERE r.member_id = m.id AND r.withdrawn_at IS NULL
                        AND c.item = 'check_in' AND c.withdrawn_at IS NULL))
    ON CONFLICT DO NOTHING
    RETURNING stations_checkin.*;
END
$$
""",
    f"REVOKE ALL ON FUNCTION {NAME}({TYPES}) FROM PUBLIC",
]


def grant(apps, editor):
    web = editor.quote_name(settings.DATABASE_WEB_ROLE)
    editor.execute(f"GRANT EXECUTE ON FUNCTION {NAME}({TYPES}) TO {web}")


class Migration(migrations.Migration):
    dependencies = [("stations", "0005_second_wall")]
    operations = [
        migrations.RunSQL(FORWARD, f"DROP FUNCTION {NAME}({TYPES})"),
        migrations.RunPython(grant, migrations.RunPython.noop),
    ]
