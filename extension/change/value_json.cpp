// One value as JSON (value_json.h).
#include "change/value_json.h"

#include "change/json_escape.h"
#include "change/value_text.h"
#include "pg/memory.h"
#include "pg/planted_bug.h"

namespace sequin {

// ---- strings -----------------------------------------------------------------------------------

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

bool IsUtf8Text(std::string_view text) {
  return GetDatabaseEncoding() != PG_SQL_ASCII ||
         pg_verify_mbstr(PG_UTF8, text.data(), static_cast<int>(text.size()), true);
}

void AppendJsonName(StringInfo out, std::string_view text) {
  static constexpr std::string_view kReplacement = "\xef\xbf\xbd";
  StringInfoData clean;
  initStringInfo(&clean);
  int size = static_cast<int>(text.size());
  bool any = GetDatabaseEncoding() == PG_SQL_ASCII;
  for (int at = 0; any && at < size;) {
    int bytes = pg_encoding_mblen(PG_UTF8, text.data() + at);
    if (bytes > size - at || !pg_verify_mbstr(PG_UTF8, text.data() + at, bytes, true)) {
      appendBinaryStringInfo(&clean, kReplacement.data(), static_cast<int>(kReplacement.size()));
      at++;
    } else {
      appendBinaryStringInfo(&clean, text.data() + at, bytes);
      at += bytes;
    }
  }
  AppendJsonString(out, any ? std::string_view(clean.data, static_cast<size_t>(clean.len)) : text);
  pfree(clean.data);
}

// ---- scalars -----------------------------------------------------------------------------------

static void AppendInteger(StringInfo out, int64 value, bool quoted) {
  enlargeStringInfo(out, MAXINT8LEN + 3);
  char* p = out->data + out->len;
  if (quoted) *p++ = '"';
  p += pg_lltoa(value, p);
  if (quoted) *p++ = '"';
  *p = '\0';
  out->len = static_cast<int>(p - out->data);
}

// For kinds whose text needs no escaping.
static void AppendQuoted(StringInfo out, const ValuePlan* plan, Datum value, bool quoted) {
  if (quoted) appendStringInfoCharMacro(out, '"');
  AppendText(out, plan, value);
  if (quoted) appendStringInfoCharMacro(out, '"');
}

static JsonShape ShapeOf(std::string_view json) {
  size_t first = json.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return JsonShape::kClear;
  if (json[first] == '[') return JsonShape::kArray;
  return json[first] == 'n' ? JsonShape::kNull : JsonShape::kClear;
}

// ---- arrays and composites ---------------------------------------------------------------------

// The text form, as one string.
static void AppendTextForm(StringInfo out, const ValuePlan* plan, Datum value) {
  StringInfoData text;
  initStringInfo(&text);
  AppendText(&text, plan, value);
  AppendJsonString(out, {text.data, static_cast<size_t>(text.len)});
  pfree(text.data);
}

// Brackets in front of element number `item`, and the comma between the outermost two that differ.
static void OpenDimensions(StringInfo out, ArrayType* array, int* done, bool first) {
  int dimensions = ARR_NDIM(array);
  int level = dimensions - 1;
  if (first) {
    level = -1;
  } else {
    while (++done[level] == ARR_DIMS(array)[level]) {
      done[level--] = 0;
      appendStringInfoCharMacro(out, ']');
    }
    appendStringInfoCharMacro(out, ',');
  }
  for (; level < dimensions - 1; level++) appendStringInfoCharMacro(out, '[');
}

// False where JSON cannot tell what the array is.
static bool AppendJsonArray(StringInfo out, const ArrayPlan& plan, ArrayType* array) {
  int dimensions = ARR_NDIM(array);
  for (int i = 0; i < dimensions; i++) {
    if (ARR_LBOUND(array)[i] != 1 && !Planted("array_bounds_lost")) return false;
  }
  // A domain over an array: its values would look like a dimension more.
  if (plan.element->kind == ValueKind::kArray) return false;
  if (dimensions == 0) {
    appendStringInfoString(out, "[]");
    return true;
  }
  int done[MAXDIM] = {};
  bool first = true;
  bool clear = VisitElements(plan, array, [&](Datum element, bool is_null) {
    CHECK_FOR_INTERRUPTS();
    RequireRoom(out);
    OpenDimensions(out, array, done, first);
    first = false;
    if (is_null) {
      appendBinaryStringInfo(out, "null", 4);
      return true;
    }
    return AppendValue(out, plan.element, element) == JsonShape::kClear;
  });
  for (int i = 0; i < dimensions; i++) appendStringInfoCharMacro(out, ']');
  return clear;
}

static bool AppendJsonObject(StringInfo out, const ValuePlan* plan, Datum value) {
  CompositePlan* composite = plan->composite;
  LoadComposite(composite, plan->format, value);
  appendStringInfoCharMacro(out, '{');
  for (int i = 0; i < composite->field_count; i++) {
    const FieldPlan& field = composite->fields[i];
    RequireRoom(out);
    if (i > 0) appendStringInfoCharMacro(out, ',');
    appendBinaryStringInfo(out, field.prefix, field.prefix_bytes);
    if (composite->nulls[field.number]) {
      appendBinaryStringInfo(out, "null", 4);
    } else if (AppendValue(out, field.value, composite->values[field.number]) == JsonShape::kNull) {
      return false;
    }
  }
  appendStringInfoCharMacro(out, '}');
  return true;
}

static void AppendNested(StringInfo out, const ValuePlan* plan, Datum value) {
  int start = out->len;
  bool clear = plan->kind == ValueKind::kArray
                   ? AppendJsonArray(out, plan->array, DatumGetArrayTypeP(value))
                   : AppendJsonObject(out, plan, value);
  if (clear) return;
  out->len = start;
  AppendTextForm(out, plan, value);
}

JsonShape AppendValue(StringInfo out, const ValuePlan* plan, Datum value) {
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
    case ValueKind::kFloat8:
    case ValueKind::kNumeric:
      AppendQuoted(out, plan, value, plan->quoted || !IsFinite(plan, value));
      break;
    case ValueKind::kMoney:
      AppendQuoted(out, plan, value, plan->quoted);
      break;
    case ValueKind::kDate:
    case ValueKind::kTimestamp:
    case ValueKind::kTimestamptz:
    case ValueKind::kInterval:
      AppendQuoted(out, plan, value, true);
      break;
    case ValueKind::kBytea:
      appendStringInfoString(out, "\"\\");
      AppendText(out, plan, value);
      appendStringInfoCharMacro(out, '"');
      break;
    case ValueKind::kVarlenaText: {
      text* string = DatumGetTextPP(value);
      AppendJsonString(out, {VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string)});
      break;
    }
    case ValueKind::kJson:
    case ValueKind::kJsonb: {
      int start = out->len;
      AppendText(out, plan, value);
      return ShapeOf({out->data + start, static_cast<size_t>(out->len - start)});
    }
    case ValueKind::kText: {
      char* string = OutputFunctionCall(const_cast<FmgrInfo*>(&plan->output), value);
      AppendJsonString(out, string);
      pfree(string);
      break;
    }
    case ValueKind::kFunction:
      AppendTextForm(out, plan, value);
      break;
    case ValueKind::kArray:
    case ValueKind::kComposite:
      AppendNested(out, plan, value);
      break;
  }
  return JsonShape::kClear;
}

void AppendBase64(StringInfo out, std::string_view bytes, Base64 kind) {
  enlargeStringInfo(out, static_cast<int>(Base64BytesMax(bytes.size())));
  out->len += static_cast<int>(EncodeBase64(bytes, kind, out->data + out->len));
  out->data[out->len] = '\0';
}

}  // namespace sequin
