// The window of a backfill chunk (feed_window.h).
#include <algorithm>

#include "log/feed_window.h"

#include "change/json_fields.h"
#include "decode/encode.h"
#include "log/replay_mark.h"
#include "pg/table.h"

namespace sequin {

bool FeedWindow::Unseen(TransactionId xid) const {
  if (TransactionIdPrecedes(xid, chunk_->xmin)) return false;
  if (TransactionIdFollowsOrEquals(xid, chunk_->xmax)) return true;
  return std::binary_search(chunk_->running, chunk_->running + chunk_->running_count, xid);
}

// Most entries are passed by without a look at their log row: those of other tables, and those
// whose group is that of no row.
bool FeedWindow::MayConcern(const Entry& entry) const {
  if (entry.relation != chunk_->relation) return false;
  if (!chunk_->by_key) return true;
  const Vec<uint64>& groups = chunk_->groups;
  if (std::binary_search(groups.begin(), groups.end(), entry.group)) return true;
  return entry.Has(kSecondGroup) &&
         std::binary_search(groups.begin(), groups.end(), entry.second_group);
}

// `,"name":value,…` as an object.
static std::string_view ObjectOf(std::string_view members) {
  if (members.empty()) return members;
  return psprintf("{%.*s}", static_cast<int>(members.size()) - 1, members.data() + 1);
}

static std::string_view OldKeyOf(const LogRow& change) {
  if (change.action != 'u') return {};
  return JsonMember(ObjectOf(change.meta), "old_record_pks");
}

// A change of the key concerns the row that it found, and one that had the new key before.
void FeedWindow::Look(const Entry& entry) {
  LogRow change;
  if (!log_.Find(entry.seq, &change) || change.action == 'r' || !Unseen(change.xid)) return;
  if (IsReplayed(change)) return;
  uint64 found = entry.group;
  uint64 left = entry.Has(kSecondGroup) ? entry.second_group : entry.group;
  if (!chunk_->by_key) {
    std::string_view old_key = OldKeyOf(change);
    left = GroupHash(chunk_->relation, change.key);
    found = old_key.empty() ? left : GroupHash(chunk_->relation, old_key);
  }
  overtaking_.push({found, entry.seq, left});
  if (left != found) overtaking_.push({left, entry.seq, left});
}

void FeedWindow::Open(const FeedChunk& chunk, MemoryContext context, TupleDesc log_descriptor) {
  chunk_ = &chunk;
  context_ = context;
  descriptor_ = log_descriptor;
  overtaking_ = Vec<Overtaking>{};
  overtaking_.context = context;
  // Rows without a key cannot be compared; the feeder passes by those that changed.
  if (chunk.groups.empty()) return;
  std::sort(const_cast<uint64*>(chunk.groups.begin()), const_cast<uint64*>(chunk.groups.end()));
  InContext(context, [&] {
    RouteReader route(chunk.consumer);
    route.Seek(chunk.low_ord);
    Entry entry;
    while (route.Next(&entry)) {
      CHECK_FOR_INTERRUPTS();
      if (MayConcern(entry)) Look(entry);
    }
    route.Close();
  });
  std::sort(overtaking_.begin(), overtaking_.end(), [](const Overtaking& a, const Overtaking& b) {
    return a.group != b.group ? a.group < b.group : a.seq < b.seq;
  });
}

void FeedWindow::Close() {
  if (chunk_ == nullptr) return;
  log_.Close();
  log_ = LogReader{};
  chunk_ = nullptr;
}

// ---- rows --------------------------------------------------------------------------------------

// A row of the chunk, and what became of it.
struct FeedWindow::Version {
  uint64 group;
  int64 seq;  // of the last change applied
  std::string_view key;
  std::string_view record;
  bool whole;  // the consumer has all of it
  bool key_changed;
};

static std::string_view Copy(std::string_view value) {
  return {pnstrdup(value.data(), value.size()), value.size()};
}

// The next change of the row with this key; nullptr: there is none.
const FeedWindow::Overtaking* FeedWindow::Next(const Version& version, LogRow* change) {
  const Overtaking* at =
      std::lower_bound(overtaking_.begin(), overtaking_.end(), version,
                       [](const Overtaking& one, const Version& of) {
                         return one.group != of.group ? one.group < of.group : one.seq <= of.seq;
                       });
  for (; at != overtaking_.end() && at->group == version.group; at++) {
    if (!log_.Find(at->seq, change)) continue;
    if (version.key.empty() || change->key.empty()) return at;
    std::string_view old_key = OldKeyOf(*change);
    if (version.key == (old_key.empty() ? change->key : old_key)) return at;
    if (!old_key.empty() && version.key == change->key) return at;
  }
  return nullptr;
}

// False: the row is gone, and the consumer knows.
bool FeedWindow::Apply(const LogRow& change, const Overtaking& overtaking, Version* version) {
  if (change.action != 'i' && change.action != 'u') return false;
  std::string_view unchanged = JsonMember(ObjectOf(change.meta), "unchanged_columns");
  StringInfoData merged;
  initStringInfo(&merged);
  AppendMerged(&merged, version->record, change.record, unchanged);
  version->record = {merged.data, static_cast<size_t>(merged.len)};
  version->whole = unchanged.empty();
  version->seq = overtaking.seq;
  version->key_changed |= overtaking.next_group != version->group;
  version->group = overtaking.next_group;
  if (!version->key.empty()) version->key = Copy(change.key);
  return true;
}

static std::string_view ColumnText(HeapTuple row, TupleDesc descriptor, LogColumn column) {
  bool is_null;
  return TextView(heap_getattr(row, column + 1, descriptor, &is_null));
}

bool FeedWindow::Admit(HeapTuple row, Target* target) {
  if (overtaking_.empty()) return true;
  return InContext(context_, [&] {
    std::string_view stored_key = ColumnText(row, descriptor_, kLogKey);
    Version version{};
    version.key = stored_key.substr(0, stored_key.find('\n'));
    version.group = chunk_->by_key ? target->group : GroupHash(chunk_->relation, version.key);
    version.record = ColumnText(row, descriptor_, kLogRecord);
    LogRow change;
    while (const Overtaking* next = Next(version, &change)) {
      if (!Apply(change, *next, &version)) return false;
    }
    if (version.seq == 0) return true;
    if (version.whole) return false;
    Datum values[kLogColumns];
    bool nulls[kLogColumns];
    heap_deform_tuple(row, descriptor_, values, nulls);
    values[kLogRecord] = TextDatum(version.record);
    if (version.key_changed) values[kLogKey] = TextDatum(version.key);
    if (chunk_->by_key) target->group = version.group;
    *row = *heap_form_tuple(descriptor_, values, nulls);
    return true;
  });
}

// Visits name (with its quotes) and value of each member. For texts that capture has written: no
// spaces between the parts.
template <typename Visit>
static void ForEachMember(std::string_view object, Visit&& visit) {
  size_t at = 1;
  while (at < object.size() && object[at] == '"') {
    size_t name_end = json::SkipString(object, at);
    size_t value_end = json::SkipValue(object, name_end + 1);
    if (value_end >= object.size()) break;
    visit(object.substr(at, name_end - at), object.substr(name_end + 1, value_end - name_end - 1));
    at = value_end + 1;
  }
}

static std::string_view ValueOf(std::string_view object, std::string_view quoted_name) {
  std::string_view found;
  ForEachMember(object, [&](std::string_view name, std::string_view value) {
    if (name == quoted_name) found = value;
  });
  return found;
}

static bool ListHas(std::string_view array, std::string_view quoted_name) {
  size_t at = 1;
  while (at < array.size() && array[at] == '"') {
    size_t end = json::SkipString(array, at);
    if (array.substr(at, end - at) == quoted_name) return true;
    at = end + 1;
  }
  return false;
}

void AppendMerged(StringInfo out, std::string_view base, std::string_view over,
                  std::string_view unchanged) {
  appendStringInfoChar(out, '{');
  ForEachMember(base, [&](std::string_view name, std::string_view value) {
    std::string_view newer = ValueOf(over, name);
    if (newer.empty() && !ListHas(unchanged, name)) return;
    if (out->data[out->len - 1] != '{') appendStringInfoChar(out, ',');
    if (newer.empty()) newer = value;
    appendBinaryStringInfo(out, name.data(), static_cast<int>(name.size()));
    appendStringInfoChar(out, ':');
    appendBinaryStringInfo(out, newer.data(), static_cast<int>(newer.size()));
  });
  appendStringInfoChar(out, '}');
}

}  // namespace sequin
