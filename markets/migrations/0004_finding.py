from datetime import date

import django.contrib.postgres.indexes
from django.db import migrations, models
from django.db.models.functions import Coalesce

# A text as searches compare it: half-width, lower case, without blanks. Most names are so already, and to see that is
# cheaper than to normalise them.
FOLDED = """
CREATE FUNCTION folded(said text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN lower(replace(CASE WHEN said IS NFKC NORMALIZED THEN said ELSE normalize(said, NFKC) END, ' ', ''))
"""
# Every two neighbouring characters: the pairs that begin at odd places, then those at even ones. Not STRICT, so that
# PostgreSQL writes the bodies in place of the calls: an index of 4 million names is built in half the time.
GRAMS = r"""
CREATE FUNCTION grams(said text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN string_to_array(rtrim(
    regexp_replace(substr(said, 1, length(said) / 2 * 2), '(..)', '\1 ', 'g') ||
    regexp_replace(substr(said, 2, (length(said) - 1) / 2 * 2), '(..)', '\1 ', 'g')
), ' ')
"""
# Of a name in lower case, of its pinyin initials in capitals: neither is taken for the other.
NAME_GRAMS = """
CREATE FUNCTION name_grams(name text, pinyin text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN grams(folded(name)) || grams(upper(pinyin))
"""
# The share of names that have each gram, from what ANALYZE found; null where it is rare or nothing was analyzed.
# Statistics of an index are its owner's to read, hence SECURITY DEFINER; they name no business.
SHARES = """
CREATE FUNCTION name_gram_shares(wanted text[]) RETURNS TABLE (gram text, share real)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT known.gram, known.share
    FROM pg_stats s, unnest(s.most_common_elems::text::text[], s.most_common_elem_freqs) AS known (gram, share)
    WHERE s.schemaname = 'public' AND s.tablename = 'business_name_grams' AND known.gram = ANY (wanted)
$$
"""


class Migration(migrations.Migration):
    dependencies = [("markets", "0003_coverage_indexes")]
    operations = [
        migrations.RunSQL(FOLDED, "DROP FUNCTION folded"),
        migrations.RunSQL(GRAMS, "DROP FUNCTION grams"),
        migrations.RunSQL(NAME_GRAMS, "DROP FUNCTION name_grams"),
        migrations.RunSQL(SHARES, "DROP FUNCTION name_gram_shares"),
        migrations.AddIndex(
            model_name="business",
            index=django.contrib.postgres.indexes.GinIndex(
                models.Func(models.F("name"), models.F("name_pinyin"), function="name_grams"),
                gin_pending_list_limit=1024,
                name="business_name_grams",
            ),
        ),
        migrations.AddIndex(
            model_name="business",
            index=models.Index(
                Coalesce(models.F("registered_on"), models.Value(date.min)), models.F("id"), name="business_by_age"
            ),
        ),
        migrations.AddIndex(
            model_name="business",
            index=models.Index(
                Coalesce(models.F("employees"), models.Value(-1)), models.F("id"), name="business_by_size"
            ),
        ),
    ]
