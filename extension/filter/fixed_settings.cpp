// The list of settings (fixed_settings.h).
#include "filter/fixed_settings.h"

namespace sequin {
namespace {

struct Setting {
  const char* name;
  const char* value;
};

constexpr Setting kSettings[] = {
    {"search_path", "pg_catalog, pg_temp"},
    {"TimeZone", "UTC"},
    {"DateStyle", "ISO, MDY"},
    {"IntervalStyle", "postgres"},
    {"lc_monetary", "C"},
    {"lc_numeric", "C"},
    {"lc_time", "C"},
    {"default_text_search_config", "pg_catalog.simple"},
    {"row_security", "on"},
    {"xmlbinary", "base64"},
    {"array_nulls", "on"},
    {"standard_conforming_strings", "on"},
    {"backslash_quote", "safe_encoding"},
    {"transform_null_equals", "off"},
    {"xmloption", "content"},
    {"extra_float_digits", "1"},
    {"bytea_output", "hex"},
};

}  // namespace

void FixFilterSettings() {
  for (const Setting& setting : kSettings) {
    // Mostly it is so already, and some are dear to check.
    if (strcmp(GetConfigOption(setting.name, false, false), setting.value) == 0) continue;
    set_config_option(setting.name, setting.value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
                      true, 0, false);
  }
}

}  // namespace sequin
