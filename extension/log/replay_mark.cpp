// Copies that sequin.replay made of log rows (replay_mark.h).
#include "log/replay_mark.h"

#include "change/json_fields.h"

namespace sequin {

static constexpr std::string_view kMark = ",\"replay\":{";

static std::string_view ObjectOf(std::string_view members) {
  return psprintf("{%.*s}", static_cast<int>(members.size()) - 1, members.data() + 1);
}

// The value of the mark. What users can write into metadata is deeper in it, so that a look at the
// members decides.
static std::string_view MarkOf(const LogRow& row) {
  if (row.meta.rfind(kMark) == std::string_view::npos) return {};
  return JsonMember(ObjectOf(row.meta), "replay");
}

bool IsReplayed(const LogRow& row) {
  return !MarkOf(row).empty();
}

static uint64 NumberOf(std::string_view mark, const char* name) {
  std::string_view digits = JsonMember(mark, name);
  return strtoull(pnstrdup(digits.data(), digits.size()), nullptr, 10);
}

LogRow OriginalOf(const LogRow& row) {
  std::string_view mark = MarkOf(row);
  if (mark.empty()) return row;
  LogRow original = row;
  original.commit_lsn = NumberOf(mark, "commit_lsn");
  original.commit_idx = static_cast<int64>(NumberOf(mark, "commit_idx"));
  original.commit_time = static_cast<TimestampTz>(NumberOf(mark, "commit_time"));
  original.incarnation = static_cast<int32>(NumberOf(mark, "incarnation"));
  std::string_view id = JsonMember(mark, "id");
  size_t rest = row.meta.rfind(kMark);
  original.meta = psprintf("%.*s,\"replay_id\":%.*s", static_cast<int>(rest), row.meta.data(),
                           static_cast<int>(id.size()), id.data());
  return original;
}

}  // namespace sequin
