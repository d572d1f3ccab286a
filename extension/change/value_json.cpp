// One column value as JSON (value_json.h).
#include <cmath>

#include "change/value_json.h"

#include "change/json_escape.h"
#include "pg/memory.h"

namespace sequin {

static ValueKind KindOf(Oid base_type) {
  switch (base_type) {
    case BOOLOID:
      return ValueKind::kBool;
    case INT2OID:
      return ValueKind::kInt2;
    case INT4OID:
      return ValueKind::kInt4;
    case INT8OID:
      return ValueKind::kInt8;
    case OIDOID:
      return ValueKind::kOid;
    case FLOAT4OID:
      return ValueKind::kFloat4;
    case FLOAT8OID:
      return ValueKind::kFloat8;
    case NUMERICOID:
      return ValueKind::kNumeric;
    case CASHOID:
      return ValueKind::kMoney;
    case TEXTOID:
    case VARCHAROID:
    case BPCHAROID:
      return ValueKind::kVarlenaText;
    case JSONOID:
      return ValueKind::kJson;
    case JSONBOID:
      return ValueKind::kJsonb;
    case DATEOID:
      return ValueKind::kDate;
    case TIMESTAMPOID:
      return ValueKind::kTimestamp;
    case TIMESTAMPTZOID:
      return ValueKind::kTimestamptz;
    case BYTEAOID:
      return ValueKind::kBytea;
    default:
      return ValueKind::kText;
  }
}

static bool IsQuoted(ValueKind kind, NumberFormat format) {
  switch (kind) {
    case ValueKind::kInt2:
    case ValueKind::kInt4:
    case ValueKind::kInt8:
    case ValueKind::kOid:
    case ValueKind::kFloat4:
    case ValueKind::kFloat8:
      return format == NumberFormat::kString;
    case ValueKind::kNumeric:
    case ValueKind::kMoney:
      return format != NumberFormat::kNumber;
    default:
      return false;
  }
}

ValuePlan* PlanValue(Oid type, NumberFormat format, MemoryContext context) {
  ValuePlan* plan = New<ValuePlan>(context);
  Oid base = getBaseType(type);
  // int2vector and oidvector are arrays to the catalog, but their text form is not an array's.
  Oid element = base == INT2VECTOROID || base == OIDVECTOROID ? InvalidOid : get_element_type(base);
  if (OidIsValid(element)) {
    plan->kind = ValueKind::kArray;
    plan->element = PlanValue(element, format, context);
    plan->element_type = element;
    get_typlenbyvalalign(element, &plan->element_length, &plan->element_by_value,
                         &plan->element_align);
    return plan;
  }
  plan->kind = KindOf(base);
  plan->quoted = IsQuoted(plan->kind, format);
  if (plan->kind == ValueKind::kText) {
    Oid output;
    bool is_varlena;
    getTypeOutputInfo(base, &output, &is_varlena);
    fmgr_info_cxt(output, &plan->output, context);
  }
  return plan;
}

void AppendJsonString(StringInfo out, std::string_view text) {
  size_t worst = text.size() * kJsonEscapedBytesMax + 2;
  if (worst < 4096) {
    enlargeStringInfo(out, static_cast<int>(worst));
    char* p = out->data + out->len;
    *p++ = '"';
    p += JsonEscape(text.data(), text.size(), p);
    *p++ = '"';
    out->len = static_cast<int>(p - out->data);
    out->data[out->len] = '\0';
    return;
  }
  // Large values: piecewise, so that room for the worst case is never needed for the whole.
  appendStringInfoCharMacro(out, '"');
  for (size_t at = 0; at < text.size(); at += 4096) {
    std::string_view piece = text.substr(at, 4096);
    enlargeStringInfo(out, static_cast<int>(piece.size() * kJsonEscapedBytesMax));
    out->len += static_cast<int>(JsonEscape(piece.data(), piece.size(), out->data + out->len));
  }
  appendStringInfoCharMacro(out, '"');
}

static void AppendNumber(StringInfo out, const char* text, int size, bool quoted) {
  if (quoted) appendStringInfoCharMacro(out, '"');
  appendBinaryStringInfo(out, text, size);
  if (quoted) appendStringInfoCharMacro(out, '"');
}

static void AppendFloat(StringInfo out, double value, bool single, bool quoted) {
  if (std::isfinite(value)) {
    char text[32];
    int size = single ? float_to_shortest_decimal_bufn(static_cast<float>(value), text)
                      : double_to_shortest_decimal_bufn(value, text);
    AppendNumber(out, text, size, quoted);
  } else {
    appendStringInfoString(out, std::isnan(value) ? "\"NaN\""
                                : value > 0       ? "\"Infinity\""
                                                  : "\"-Infinity\"");
  }
}

static void AppendDigits(StringInfo out, int value, int width) {
  char text[16];
  appendBinaryStringInfo(out, text,
                         static_cast<int>(pg_ultostr_zeropad(text, value, width) - text));
}

// ISO 8601, always with six digits of the second; `BC` is appended as Postgres writes it.
static void AppendDateParts(StringInfo out, int year, int month, int day) {
  AppendDigits(out, year > 0 ? year : 1 - year, 4);
  appendStringInfoCharMacro(out, '-');
  AppendDigits(out, month, 2);
  appendStringInfoCharMacro(out, '-');
  AppendDigits(out, day, 2);
}

static void AppendTimestamp(StringInfo out, Timestamp value, bool zone) {
  if (TIMESTAMP_NOT_FINITE(value)) {
    appendStringInfoString(out, TIMESTAMP_IS_NOEND(value) ? "\"infinity\"" : "\"-infinity\"");
    return;
  }
  struct pg_tm tm;
  fsec_t fraction;
  if (timestamp2tm(value, nullptr, &tm, &fraction, nullptr, nullptr) != 0) {
    ereport(ERROR, errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("timestamp out of range"));
  }
  appendStringInfoCharMacro(out, '"');
  AppendDateParts(out, tm.tm_year, tm.tm_mon, tm.tm_mday);
  appendStringInfoCharMacro(out, 'T');
  AppendDigits(out, tm.tm_hour, 2);
  appendStringInfoCharMacro(out, ':');
  AppendDigits(out, tm.tm_min, 2);
  appendStringInfoCharMacro(out, ':');
  AppendDigits(out, tm.tm_sec, 2);
  appendStringInfoCharMacro(out, '.');
  AppendDigits(out, fraction, 6);
  if (zone) appendStringInfoCharMacro(out, 'Z');
  if (tm.tm_year <= 0) appendStringInfoString(out, " BC");
  appendStringInfoCharMacro(out, '"');
}

static void AppendDate(StringInfo out, DateADT value) {
  if (DATE_NOT_FINITE(value)) {
    appendStringInfoString(out, DATE_IS_NOEND(value) ? "\"infinity\"" : "\"-infinity\"");
    return;
  }
  int year, month, day;
  j2date(value + POSTGRES_EPOCH_JDATE, &year, &month, &day);
  appendStringInfoCharMacro(out, '"');
  AppendDateParts(out, year, month, day);
  if (year <= 0) appendStringInfoString(out, " BC");
  appendStringInfoCharMacro(out, '"');
}

static void AppendBytea(StringInfo out, Datum value) {
  bytea* bytes = DatumGetByteaPP(value);
  int size = static_cast<int>(VARSIZE_ANY_EXHDR(bytes));
  appendStringInfoString(out, "\"\\\\x");
  enlargeStringInfo(out, size * 2 + 1);
  out->len += static_cast<int>(hex_encode(VARDATA_ANY(bytes), size, out->data + out->len));
  appendStringInfoCharMacro(out, '"');
}

static void AppendArrayLevel(StringInfo out, const ValuePlan* plan, ArrayType* array, int level,
                             array_iter* iterator, int* item) {
  appendStringInfoCharMacro(out, '[');
  for (int i = 0; i < ARR_DIMS(array)[level]; i++) {
    if (i > 0) appendStringInfoCharMacro(out, ',');
    if (level + 1 < ARR_NDIM(array)) {
      AppendArrayLevel(out, plan, array, level + 1, iterator, item);
      continue;
    }
    bool is_null;
    Datum element = array_iter_next(iterator, &is_null, (*item)++, plan->element_length,
                                    plan->element_by_value, plan->element_align);
    if (is_null) {
      appendStringInfoString(out, "null");
    } else {
      AppendValue(out, plan->element, element);
    }
  }
  appendStringInfoCharMacro(out, ']');
}

static void AppendArray(StringInfo out, const ValuePlan* plan, Datum value) {
  ArrayType* array = DatumGetArrayTypeP(value);
  if (ARR_NDIM(array) == 0) {
    appendStringInfoString(out, "[]");
    return;
  }
  array_iter iterator;
  array_iter_setup(&iterator, reinterpret_cast<AnyArrayType*>(array));
  int item = 0;
  AppendArrayLevel(out, plan, array, 0, &iterator, &item);
}

static void AppendInteger(StringInfo out, int64 value, bool quoted) {
  enlargeStringInfo(out, MAXINT8LEN + 3);
  char* p = out->data + out->len;
  if (quoted) *p++ = '"';
  p += pg_lltoa(value, p);
  if (quoted) *p++ = '"';
  *p = '\0';
  out->len = static_cast<int>(p - out->data);
}

static void AppendNumeric(StringInfo out, Datum value, bool quoted) {
  Numeric number = DatumGetNumeric(value);
  const char* text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(number)));
  AppendNumber(out, text, static_cast<int>(strlen(text)),
               quoted || numeric_is_nan(number) || numeric_is_inf(number));
}

// A whole number of hundredths, whatever lc_monetary makes of them.
static void AppendMoney(StringInfo out, Cash value, bool quoted) {
  char text[MAXINT8LEN + 3];
  uint64 hundredths = value < 0 ? -static_cast<uint64>(value) : static_cast<uint64>(value);
  char* p = text;
  if (value < 0) *p++ = '-';
  p += pg_ulltoa_n(hundredths / 100, p);
  *p++ = '.';
  p = pg_ultostr_zeropad(p, static_cast<uint32>(hundredths % 100), 2);
  AppendNumber(out, text, static_cast<int>(p - text), quoted);
}

void AppendValue(StringInfo out, const ValuePlan* plan, Datum value) {
  switch (plan->kind) {
    case ValueKind::kBool:
      appendStringInfoString(out, DatumGetBool(value) ? "true" : "false");
      break;
    case ValueKind::kInt2:
      AppendInteger(out, DatumGetInt16(value), plan->quoted);
      break;
    case ValueKind::kInt4:
      AppendInteger(out, DatumGetInt32(value), plan->quoted);
      break;
    case ValueKind::kInt8:
      AppendInteger(out, DatumGetInt64(value), plan->quoted);
      break;
    case ValueKind::kOid:
      AppendInteger(out, DatumGetObjectId(value), plan->quoted);
      break;
    case ValueKind::kFloat4:
      AppendFloat(out, DatumGetFloat4(value), true, plan->quoted);
      break;
    case ValueKind::kFloat8:
      AppendFloat(out, DatumGetFloat8(value), false, plan->quoted);
      break;
    case ValueKind::kNumeric:
      AppendNumeric(out, value, plan->quoted);
      break;
    case ValueKind::kMoney:
      AppendMoney(out, DatumGetCash(value), plan->quoted);
      break;
    case ValueKind::kVarlenaText: {
      text* string = DatumGetTextPP(value);
      AppendJsonString(out, {VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string)});
      break;
    }
    case ValueKind::kJson: {
      text* json = DatumGetTextPP(value);
      appendBinaryStringInfo(out, VARDATA_ANY(json), static_cast<int>(VARSIZE_ANY_EXHDR(json)));
      break;
    }
    case ValueKind::kJsonb: {
      Jsonb* json = DatumGetJsonbP(value);
      JsonbToCString(out, &json->root, VARSIZE(json));
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
    case ValueKind::kBytea:
      AppendBytea(out, value);
      break;
    case ValueKind::kArray:
      AppendArray(out, plan, value);
      break;
    case ValueKind::kText: {
      FmgrInfo* output = const_cast<FmgrInfo*>(&plan->output);
      const char* string = OutputFunctionCall(output, value);
      AppendJsonString(out, string);
      break;
    }
  }
}

}  // namespace sequin
