// Settings of the extension (settings.h).
#include "capture/settings.h"

#include "capture/names.h"
#include "change/value_settings.h"

namespace sequin {

static int max_value_kb = 64 * 1024;
static int segment_mb = 1024;
static int batch_rows = 10000;
static int retention_seconds = 3600;
static int retention_mb = 0;
static char* place_name = nullptr;

void DefineSettings() {
  DefineCustomIntVariable(
      "sequin.max_value_size", "Largest column value that is put into a message.",
      "Larger values are left out and named in metadata.omitted_columns.", &max_value_kb, 64 * 1024,
      1, 256 * 1024, PGC_SIGHUP, GUC_UNIT_KB, nullptr, nullptr, nullptr);
  DefineCustomIntVariable("sequin.segment_size", "Size at which a new segment of the log is begun.",
                          nullptr, &segment_mb, 1024, 1, 1024 * 1024, PGC_SIGHUP, GUC_UNIT_MB,
                          nullptr, nullptr, nullptr);
  DefineCustomIntVariable(
      "sequin.retention", "How long a segment of the log is kept after the next one was begun.",
      "Segments that a consumer still needs are kept in any case.", &retention_seconds, 3600, 0,
      INT_MAX, PGC_SIGHUP, GUC_UNIT_S, nullptr, nullptr, nullptr);
  DefineCustomIntVariable(
      "sequin.retention_size", "Size of the log beyond which passed segments are dropped at once.",
      "0: however large it is, they are kept for the time of sequin.retention. Segments that a "
      "consumer still needs are kept in any case.",
      &retention_mb, 0, 0, INT_MAX, PGC_SIGHUP, GUC_UNIT_MB, nullptr, nullptr, nullptr);
  DefineCustomIntVariable("sequin.batch_rows",
                          "Most changes that capture writes in one transaction.", nullptr,
                          &batch_rows, 10000, 1, 100000, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
  DefineCustomStringVariable(
      "sequin.place", "Name of the place this server is, by which copies of it are told from it.",
      "Empty: the data folder is the place. The same on a primary and the standbys that may "
      "replace it, another one on copies that must not deliver.",
      &place_name, "", PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
}

void ReserveSettings() {
  MarkGUCPrefixReserved("sequin");
}

size_t MaxValueBytes() {
  return static_cast<size_t>(max_value_kb) * 1024;
}
int64 SegmentBytes() {
  return static_cast<int64>(segment_mb) * 1024 * 1024;
}
int64 RetentionBytes() {
  return static_cast<int64>(retention_mb) * 1024 * 1024;
}
int RetentionSeconds() {
  return retention_seconds;
}
int BatchRows() {
  return batch_rows;
}
const char* PlaceName() {
  return place_name != nullptr ? place_name : "";
}

void FixWorkerSettings() {
  static constexpr const char* kFixed[][2] = {
      {"statement_timeout", "0"},
      {"lock_timeout", "0"},
      {"idle_session_timeout", "0"},
      {"default_transaction_isolation", "read committed"},
      {"default_transaction_read_only", "off"},
      {"default_transaction_deferrable", "off"},
      {"synchronous_commit", "off"},
      {"row_security", "off"},
      {"default_tablespace", ""},
      {"default_table_access_method", "heap"},
      {"logical_decoding_work_mem", "128MB"},
      {"temp_file_limit", "-1"},
      {"session_replication_role", "origin"},
      {"log_duration", "off"},
      {"jit", "off"},
  };
  FixValueSettings();
  for (const auto& [name, value] : kFixed) {
    SetConfigOption(name, value, PGC_SUSET, PGC_S_OVERRIDE);
  }
  // Servers with this allow-list refuse plugins that are not named in it.
  if (GetConfigOption("output_plugin_libraries", true, false) != nullptr) {
    SetConfigOption("output_plugin_libraries", kPluginName, PGC_SUSET, PGC_S_OVERRIDE);
  }
}

}  // namespace sequin
