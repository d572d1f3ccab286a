// One value as text (value_text.h).
#include <cmath>

#include "change/value_text.h"

#include "pg/memory.h"
#include "pg/planted_bug.h"

namespace sequin {

void RequireRoom(StringInfo out) {
  if (static_cast<size_t>(out->len) <= kMessageBytesMax) return;
  ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
          errmsg("the text of a value has more than %zu MB", (kMessageBytesMax + 1) >> 20));
}

// ---- numbers -----------------------------------------------------------------------------------

bool IsFinite(const ValuePlan* plan, Datum value) {
  switch (plan->kind) {
    case ValueKind::kFloat4:
      return std::isfinite(DatumGetFloat4(value));
    case ValueKind::kFloat8:
      return std::isfinite(DatumGetFloat8(value));
    case ValueKind::kNumeric: {
      Numeric number = DatumGetNumeric(value);
      return !numeric_is_nan(number) && !numeric_is_inf(number);
    }
    default:
      return true;
  }
}

static void AppendInteger(StringInfo out, int64 value) {
  enlargeStringInfo(out, MAXINT8LEN + 1);
  out->len += pg_lltoa(value, out->data + out->len);
}

static void AppendFloat(StringInfo out, double value, bool single) {
  if (!std::isfinite(value)) {
    appendStringInfoString(out, std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
    return;
  }
  char text[32];
  int size = single ? float_to_shortest_decimal_bufn(static_cast<float>(value), text)
                    : double_to_shortest_decimal_bufn(value, text);
  if (Planted("float_digits_lost")) size = pg_snprintf(text, sizeof(text), "%.6g", value);
  appendBinaryStringInfo(out, text, size);
}

// A whole number of hundredths, whatever lc_monetary makes of them.
static void AppendMoney(StringInfo out, Cash value) {
  char text[MAXINT8LEN + 3];
  uint64 hundredths = value < 0 ? -static_cast<uint64>(value) : static_cast<uint64>(value);
  char* p = text;
  if (value < 0) *p++ = '-';
  p += pg_ulltoa_n(hundredths / 100, p);
  *p++ = '.';
  p = pg_ultostr_zeropad(p, static_cast<uint32>(hundredths % 100), 2);
  appendBinaryStringInfo(out, text, static_cast<int>(p - text));
}

// ---- dates -------------------------------------------------------------------------------------

static constexpr int kTimestampBytesMax = 64;

static char* PutDate(char* p, int year, int month, int day) {
  p = pg_ultostr_zeropad(p, static_cast<uint32>(year > 0 ? year : 1 - year), 4);
  *p++ = '-';
  p = pg_ultostr_zeropad(p, static_cast<uint32>(month), 2);
  *p++ = '-';
  return pg_ultostr_zeropad(p, static_cast<uint32>(day), 2);
}

static char* PutEra(char* p, int year) {
  if (year > 0 || Planted("era_lost")) return p;
  memcpy(p, " BC", 3);
  return p + 3;
}

// ISO 8601, always with six digits of the second; `BC` is appended as Postgres writes it.
static void AppendTimestamp(StringInfo out, Timestamp value, bool zone) {
  if (TIMESTAMP_NOT_FINITE(value)) {
    appendStringInfoString(out, TIMESTAMP_IS_NOEND(value) ? "infinity" : "-infinity");
    return;
  }
  struct pg_tm tm;
  fsec_t fraction;
  if (timestamp2tm(value, nullptr, &tm, &fraction, nullptr, nullptr) != 0) {
    ereport(ERROR, errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("timestamp out of range"));
  }
  char text[kTimestampBytesMax];
  char* p = PutDate(text, tm.tm_year, tm.tm_mon, tm.tm_mday);
  *p++ = 'T';
  p = pg_ultostr_zeropad(p, static_cast<uint32>(tm.tm_hour), 2);
  *p++ = ':';
  p = pg_ultostr_zeropad(p, static_cast<uint32>(tm.tm_min), 2);
  *p++ = ':';
  p = pg_ultostr_zeropad(p, static_cast<uint32>(tm.tm_sec), 2);
  *p++ = '.';
  p = pg_ultostr_zeropad(p, static_cast<uint32>(fraction), 6);
  if (zone && !Planted("zone_lost")) *p++ = 'Z';
  p = PutEra(p, tm.tm_year);
  appendBinaryStringInfo(out, text, static_cast<int>(p - text));
}

static void AppendDate(StringInfo out, DateADT value) {
  if (DATE_NOT_FINITE(value)) {
    appendStringInfoString(out, DATE_IS_NOEND(value) ? "infinity" : "-infinity");
    return;
  }
  int year, month, day;
  j2date(value + POSTGRES_EPOCH_JDATE, &year, &month, &day);
  char text[kTimestampBytesMax];
  char* p = PutEra(PutDate(text, year, month, day), year);
  appendBinaryStringInfo(out, text, static_cast<int>(p - text));
}

// The one time of day that style postgres writes and nobody reads goes as ISO 8601.
static void AppendInterval(StringInfo out, const Interval* value) {
  if (INTERVAL_NOT_FINITE(value)) {
    appendStringInfoString(out, value->month > 0 ? "infinity" : "-infinity");
    return;
  }
  struct pg_itm parts;
  interval2itm(*value, &parts);
  char text[MAXDATELEN + 1];
  EncodeInterval(&parts, value->time == PG_INT64_MIN ? INTSTYLE_ISO_8601 : INTSTYLE_POSTGRES, text);
  appendStringInfoString(out, text);
}

// ---- strings -----------------------------------------------------------------------------------

static void AppendBytea(StringInfo out, Datum value) {
  bytea* bytes = DatumGetByteaPP(value);
  int size = static_cast<int>(VARSIZE_ANY_EXHDR(bytes));
  if (Planted("bytea_ends_at_nul")) size = static_cast<int>(strnlen(VARDATA_ANY(bytes), size));
  appendStringInfoString(out, "\\x");
  enlargeStringInfo(out, size * 2 + 1);
  out->len += static_cast<int>(hex_encode(VARDATA_ANY(bytes), size, out->data + out->len));
  out->data[out->len] = '\0';
}

static void AppendOutput(StringInfo out, const ValuePlan* plan, Datum value) {
  char* text = OutputFunctionCall(const_cast<FmgrInfo*>(&plan->output), value);
  appendStringInfoString(out, text);
  pfree(text);
}

// The name of a function or operator says which one it is only if there is no other of that name.
static void AppendFunction(StringInfo out, const ValuePlan* plan, Datum value) {
  int start = out->len;
  AppendOutput(out, plan, value);
  bool is_function = plan->output.fn_oid == F_REGPROCOUT;
  LOCAL_FCINFO(call, 1);
  InitFunctionCallInfoData(*call, nullptr, 1, InvalidOid, nullptr, nullptr);
  call->args[0].value = PointerGetDatum(cstring_to_text(out->data + start));
  call->args[0].isnull = false;
  Datum named = is_function ? to_regproc(call) : to_regoper(call);
  if (!OidIsValid(DatumGetObjectId(value)) ||
      (!call->isnull && DatumGetObjectId(named) == DatumGetObjectId(value))) {
    return;
  }
  out->len = start;
  appendStringInfo(out, "%u", DatumGetObjectId(value));
}

// ---- arrays and composites ---------------------------------------------------------------------

static bool IsSpace(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

enum class Container { kArray, kComposite };

// As array_out and record_out do it.
static bool NeedsQuotes(std::string_view text, Container container, char delimiter) {
  if (text.empty()) return true;
  if (container == Container::kArray && text.size() == 4 &&
      pg_strncasecmp(text.data(), "NULL", 4) == 0) {
    return true;
  }
  std::string_view brackets = container == Container::kArray ? "{}" : "()";
  for (char c : text) {
    if (c == '"' || c == '\\' || c == delimiter || IsSpace(c)) return true;
    if (brackets.find(c) != std::string_view::npos) return true;
  }
  return false;
}

// What stands in `out` behind `start` becomes one part of a container's text.
static void QuotePart(StringInfo out, int start, Container container, char delimiter) {
  std::string_view text(out->data + start, static_cast<size_t>(out->len - start));
  if (!NeedsQuotes(text, container, delimiter)) return;
  size_t specials = 0;
  for (char c : text) specials += c == '"' || c == '\\';
  RequireRoom(out);
  enlargeStringInfo(out, static_cast<int>(specials) + 2);
  char* from = out->data + out->len;
  char* to = from + specials + 2;
  out->len += static_cast<int>(specials) + 2;
  *to = '\0';
  *--to = '"';
  // From behind, so that nothing is overwritten that is still to be moved.
  while (from > out->data + start) {
    char c = *--from;
    *--to = c;
    if (c == '"' || c == '\\') *--to = '\\';
  }
  *--to = '"';
}

static void AppendArrayText(StringInfo out, const ArrayPlan& plan, Datum value) {
  ArrayType* array = DatumGetArrayTypeP(value);
  int dimensions = ARR_NDIM(array);
  if (dimensions == 0) {
    appendStringInfoString(out, "{}");
    return;
  }
  bool custom_bounds = false;
  for (int i = 0; i < dimensions; i++) custom_bounds |= ARR_LBOUND(array)[i] != 1;
  for (int i = 0; custom_bounds && i < dimensions; i++) {
    int lower = ARR_LBOUND(array)[i];
    appendStringInfo(out, "[%d:%d]", lower, lower + ARR_DIMS(array)[i] - 1);
  }
  if (custom_bounds) appendStringInfoChar(out, '=');
  int done[MAXDIM] = {};
  for (int i = 0; i < dimensions; i++) appendStringInfoChar(out, '{');
  bool first = true;
  VisitElements(plan, array, [&](Datum element, bool is_null) {
    CHECK_FOR_INTERRUPTS();
    if (!first) {
      // Close what is full and open as much again.
      int level = dimensions - 1;
      while (++done[level] == ARR_DIMS(array)[level]) {
        done[level--] = 0;
        appendStringInfoChar(out, '}');
      }
      appendStringInfoChar(out, plan.delimiter);
      for (; level < dimensions - 1; level++) appendStringInfoChar(out, '{');
    }
    first = false;
    int start = out->len;
    if (is_null) {
      appendStringInfoString(out, "NULL");
    } else {
      AppendText(out, plan.element, element);
      QuotePart(out, start, Container::kArray, plan.delimiter);
    }
    RequireRoom(out);
    return true;
  });
  for (int i = 0; i < dimensions; i++) appendStringInfoChar(out, '}');
}

void LoadComposite(CompositePlan* plan, NumberFormat format, Datum value) {
  check_stack_depth();
  PlanFields(plan, format);
  HeapTupleHeader header = DatumGetHeapTupleHeader(value);
  HeapTupleData tuple;
  tuple.t_len = HeapTupleHeaderGetDatumLength(header);
  ItemPointerSetInvalid(&tuple.t_self);
  tuple.t_tableOid = InvalidOid;
  tuple.t_data = header;
  heap_deform_tuple(&tuple, plan->descriptor, plan->values, plan->nulls);
}

static void AppendCompositeText(StringInfo out, const ValuePlan* plan, Datum value) {
  CompositePlan* composite = plan->composite;
  LoadComposite(composite, plan->format, value);
  appendStringInfoChar(out, '(');
  for (int i = 0; i < composite->field_count; i++) {
    const FieldPlan& field = composite->fields[i];
    if (i > 0) appendStringInfoChar(out, ',');
    if (composite->nulls[field.number]) continue;
    int start = out->len;
    AppendText(out, field.value, composite->values[field.number]);
    QuotePart(out, start, Container::kComposite, ',');
    RequireRoom(out);
  }
  appendStringInfoChar(out, ')');
}

void AppendText(StringInfo out, const ValuePlan* plan, Datum value) {
  switch (plan->kind) {
    case ValueKind::kBool:
      appendStringInfoChar(out, DatumGetBool(value) ? 't' : 'f');
      break;
    case ValueKind::kInt2:
      AppendInteger(out, DatumGetInt16(value));
      break;
    case ValueKind::kInt4:
      AppendInteger(out, DatumGetInt32(value));
      break;
    case ValueKind::kInt8:
      AppendInteger(out, DatumGetInt64(value));
      break;
    case ValueKind::kOid:
      AppendInteger(out, DatumGetObjectId(value));
      break;
    case ValueKind::kFloat4:
      AppendFloat(out, DatumGetFloat4(value), true);
      break;
    case ValueKind::kFloat8:
      AppendFloat(out, DatumGetFloat8(value), false);
      break;
    case ValueKind::kNumeric: {
      if (Planted("numeric_through_float")) {
        AppendFloat(out, DatumGetFloat8(DirectFunctionCall1(numeric_float8, value)), false);
        break;
      }
      char* text = DatumGetCString(DirectFunctionCall1(numeric_out, value));
      appendStringInfoString(out, text);
      pfree(text);
      break;
    }
    case ValueKind::kMoney:
      AppendMoney(out, DatumGetCash(value));
      break;
    case ValueKind::kVarlenaText:
    case ValueKind::kJson: {
      text* string = DatumGetTextPP(value);
      appendBinaryStringInfo(out, VARDATA_ANY(string), static_cast<int>(VARSIZE_ANY_EXHDR(string)));
      break;
    }
    case ValueKind::kJsonb: {
      int start = out->len;
      Jsonb* json = DatumGetJsonbP(value);
      JsonbToCString(out, &json->root, VARSIZE(json));
      if (Planted("json_number_rounded")) PlantRoundedNumbers(out, start);
      break;
    }
    case ValueKind::kDate:
      AppendDate(out, DatumGetDateADT(value));
      break;
    case ValueKind::kTimestamp:
      AppendTimestamp(out, DatumGetTimestamp(value), false);
      break;
    case ValueKind::kTimestamptz:
      AppendTimestamp(out, DatumGetTimestampTz(value), true);
      break;
    case ValueKind::kInterval:
      AppendInterval(out, DatumGetIntervalP(value));
      break;
    case ValueKind::kBytea:
      AppendBytea(out, value);
      break;
    case ValueKind::kText:
      AppendOutput(out, plan, value);
      break;
    case ValueKind::kFunction:
      AppendFunction(out, plan, value);
      break;
    case ValueKind::kArray:
      AppendArrayText(out, plan->array, value);
      break;
    case ValueKind::kComposite:
      AppendCompositeText(out, plan, value);
      break;
  }
}

}  // namespace sequin
