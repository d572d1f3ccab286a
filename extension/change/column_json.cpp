// The value of one column of a message (column_json.h).
#include "change/column_json.h"

#include "change/value_text.h"
#include "pg/planted_bug.h"
#include "pg/transaction.h"

namespace sequin {

// Up to here a value of whatever type has far less text than a message may have.
static constexpr size_t kAlwaysFitsBytes = 4096;
static constexpr int kReasonBytesMax = 200;

// Without a look at the TOAST pointer, for short values are the rule.
static size_t SizeOf(const ValuePlan* plan, Datum value) {
  if (!plan->varlena) return 0;
  if (VARATT_IS_EXTENDED(DatumGetPointer(value))) return toast_raw_datum_size(value);
  return VARSIZE(DatumGetPointer(value));
}

bool IsReadable(std::string_view bytes) {
  // SQL_ASCII takes all bytes, but the readers of JSON expect UTF-8.
  int encoding = GetDatabaseEncoding() == PG_SQL_ASCII ? PG_UTF8 : GetDatabaseEncoding();
  return pg_verify_mbstr(encoding, bytes.data(), static_cast<int>(bytes.size()), true);
}

static void AppendHex(StringInfo out, const ValuePlan* plan, Datum value) {
  StringInfoData text;
  initStringInfo(&text);
  AppendText(&text, plan, value);
  appendStringInfoString(out, "\"\\\\x");
  enlargeStringInfo(out, text.len * 2 + 1);
  out->len +=
      static_cast<int>(hex_encode(text.data, static_cast<size_t>(text.len), out->data + out->len));
  appendStringInfoChar(out, '"');
  pfree(text.data);
}

static ColumnForm AppendChecked(StringInfo out, const ValuePlan* plan, Datum value) {
  int start = out->len;
  JsonShape shape = AppendValue(out, plan, value);
  bool suspect = plan->care == ValueCare::kGuarded || GetDatabaseEncoding() == PG_SQL_ASCII;
  if (suspect && !IsReadable({out->data + start, static_cast<size_t>(out->len - start)})) {
    out->len = start;
    AppendHex(out, plan, value);
    return ColumnForm::kHex;
  }
  if (Planted("json_null_lost")) return ColumnForm::kPlain;
  return shape == JsonShape::kNull ? ColumnForm::kJsonNull : ColumnForm::kPlain;
}

static bool MayRaise(const ValuePlan* plan, size_t size, size_t room) {
  switch (plan->care) {
    case ValueCare::kNone:
      return size > kAlwaysFitsBytes && size * kPlainExpansion > room;
    case ValueCare::kBounded:
      return size > kAlwaysFitsBytes;
    default:
      return true;
  }
}

// The error's text goes into messages: short, and cut between characters.
static const char* ReasonOf(const ErrorData* error) {
  const char* text = error->message ? error->message : "unknown error";
  int size = pg_mbcliplen(text, static_cast<int>(strlen(text)), kReasonBytesMax);
  return pnstrdup(text, static_cast<Size>(size));
}

ColumnResult AppendColumn(StringInfo out, const ValuePlan* plan, Datum value,
                          size_t value_bytes_max, size_t text_bytes_max) {
  size_t size = SizeOf(plan, value);
  if (size > value_bytes_max) {
    return {ColumnForm::kOmitted, "the value is larger than sequin.max_value_size"};
  }
  auto used = static_cast<size_t>(out->len);
  size_t room = text_bytes_max > used ? text_bytes_max - used : 0;
  int start = out->len;
  ColumnForm form = ColumnForm::kPlain;
  if (!MayRaise(plan, size, room)) {
    form = AppendChecked(out, plan, value);
  } else {
    ErrorData* error = InSubtransaction([&] { form = AppendChecked(out, plan, value); });
    if (error != nullptr) {
      out->len = start;
      out->data[start] = '\0';
      return {ColumnForm::kOmitted, ReasonOf(error)};
    }
  }
  if (static_cast<size_t>(out->len) > text_bytes_max) {
    out->len = start;
    out->data[start] = '\0';
    return {ColumnForm::kOmitted, "the message would be too large"};
  }
  return {form, nullptr};
}

}  // namespace sequin
