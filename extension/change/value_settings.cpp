// Settings that the texts of values depend on (value_settings.h).
#include "change/value_settings.h"

namespace sequin {

static constexpr const char* kValueSettings[][2] = {
    {"datestyle", "ISO, MDY"},     {"timezone", "UTC"},
    {"intervalstyle", "postgres"}, {"extra_float_digits", "1"},
    {"bytea_output", "hex"},       {"lc_monetary", "C"},
    {"lc_numeric", "C"},           {"lc_time", "C"},
    {"xmlbinary", "base64"},       {"quote_all_identifiers", "off"},
    {"search_path", ""},           {"array_nulls", "on"},
};

void FixValueSettings() {
  for (const auto& [name, value] : kValueSettings) {
    SetConfigOption(name, value, PGC_SUSET, PGC_S_OVERRIDE);
  }
}

int BeginValueSettings() {
  int level = NewGUCNestLevel();
  for (const auto& [name, value] : kValueSettings) {
    set_config_option(name, value, PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
  }
  return level;
}

}  // namespace sequin
