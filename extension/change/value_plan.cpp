// Planning how values are written (value_plan.h).
#include "change/value_plan.h"

#include "change/value_json.h"
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
    case XMLOID:  // its output function drops parts of the XML declaration
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
    case INTERVALOID:
      return ValueKind::kInterval;
    case BYTEAOID:
      return ValueKind::kBytea;
    case REGPROCOID:
    case REGOPEROID:
      return ValueKind::kFunction;
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

static bool IsRange(Oid type) {
  return type_is_range(type) || type_is_multirange(type);
}

static ValueCare CareOf(ValueKind kind, Oid base_type, Oid output) {
  if (kind == ValueKind::kJsonb) return ValueCare::kBounded;
  if (kind != ValueKind::kText) return ValueCare::kNone;
  if (output >= FirstNormalObjectId) return ValueCare::kGuarded;
  // Before 16 a byte above 0x7f comes out as it is, which is no character.
  if (base_type == CHAROID) return ValueCare::kGuarded;
  // The output function of a range calls the one of its bounds.
  if (IsRange(base_type)) {
    return base_type >= FirstNormalObjectId ? ValueCare::kGuarded : ValueCare::kBounded;
  }
  return base_type == JSONPATHOID ? ValueCare::kBounded : ValueCare::kNone;
}

// int2vector and the like are arrays by their subscripts, but their text form is not an array's.
static Oid ArrayElement(Oid base_type) {
  Oid element = get_element_type(base_type);
  return OidIsValid(element) && get_array_type(element) == base_type ? element : InvalidOid;
}

static void PlanArray(ValuePlan* plan, Oid element, MemoryContext context) {
  plan->kind = ValueKind::kArray;
  ArrayPlan& array = plan->array;
  array.element = PlanValue(element, plan->format, context);
  Oid io_param, function;
  get_type_io_data(element, IOFunc_output, &array.length, &array.by_value, &array.align,
                   &array.delimiter, &io_param, &function);
  plan->care = Max(array.element->care, ValueCare::kBounded);
}

static void PlanComposite(ValuePlan* plan, Oid type, MemoryContext context) {
  plan->kind = ValueKind::kComposite;
  plan->composite = New<CompositePlan>(context);
  plan->composite->type = type;
  plan->composite->parent = context;
  // Its fields are not known before a value is met, and may be of any type.
  plan->care = ValueCare::kGuarded;
}

ValuePlan* PlanValue(Oid type, NumberFormat format, MemoryContext context) {
  ValuePlan* plan = New<ValuePlan>(context);
  Oid base = getBaseType(type);
  plan->format = format;
  plan->varlena = get_typlen(base) == -1;
  if (Oid element = ArrayElement(base); OidIsValid(element)) {
    PlanArray(plan, element, context);
    return plan;
  }
  if (get_typtype(base) == TYPTYPE_COMPOSITE) {
    PlanComposite(plan, base, context);
    return plan;
  }
  plan->kind = KindOf(base);
  plan->quoted = IsQuoted(plan->kind, format);
  Oid output = InvalidOid;
  if (plan->kind == ValueKind::kText || plan->kind == ValueKind::kFunction) {
    bool is_varlena;
    getTypeOutputInfo(base, &output, &is_varlena);
    fmgr_info_cxt(output, &plan->output, context);
  }
  plan->care = CareOf(plan->kind, base, output);
  return plan;
}

static void PlanFieldsOf(CompositePlan* plan, TupleDesc type, NumberFormat format) {
  if (plan->context != nullptr) {
    MemoryContextReset(plan->context);
  } else {
    plan->context = NewContext(plan->parent, "sequin composite plan");
  }
  InContext(plan->context, [&] {
    TupleDesc descriptor = CreateTupleDescCopy(type);
    auto count = static_cast<size_t>(descriptor->natts);
    plan->descriptor = descriptor;
    plan->fields = NewArray<FieldPlan>(plan->context, count);
    plan->values = NewArray<Datum>(plan->context, count);
    plan->nulls = NewArray<bool>(plan->context, count);
    plan->field_count = 0;
    for (int i = 0; i < descriptor->natts; i++) {
      Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
      if (attribute->attisdropped) continue;
      StringInfoData prefix;
      initStringInfo(&prefix);
      AppendJsonName(&prefix, NameStr(attribute->attname));
      appendStringInfoChar(&prefix, ':');
      FieldPlan& field = plan->fields[plan->field_count++];
      field.number = i;
      field.prefix = prefix.data;
      field.prefix_bytes = prefix.len;
      field.value = PlanValue(attribute->atttypid, format, plan->context);
    }
  });
}

// Whether the type cache would have to wait for a lock. While decoding nobody is waited for: the
// changes of all tables would be.
static bool WouldWait(Oid type) {
  if (!HistoricSnapshotActive()) return false;
  TypeCacheEntry* known = lookup_type_cache(type, 0);
  if (known->tupDesc != nullptr || !OidIsValid(known->typrelid)) return false;
  if (!ConditionalLockRelationOid(known->typrelid, AccessShareLock)) return true;
  UnlockRelationOid(known->typrelid, AccessShareLock);
  return false;
}

// As the historic snapshot has it, without a lock; looked at again for the next value.
static void PlanFieldsUnlocked(CompositePlan* plan, NumberFormat format) {
  plan->version = 0;
  Oid table = get_typ_typrelid(plan->type);
  Relation relation = RelationIdGetRelation(table);
  if (!RelationIsValid(relation)) elog(ERROR, "could not open relation with OID %u", table);
  PlanFieldsOf(plan, RelationGetDescr(relation), format);
  RelationClose(relation);
}

void PlanFields(CompositePlan* plan, NumberFormat format) {
  if (WouldWait(plan->type)) return PlanFieldsUnlocked(plan, format);
  TypeCacheEntry* type = lookup_type_cache(plan->type, TYPECACHE_TUPDESC);
  if (type->tupDesc == nullptr) {
    ereport(ERROR, errcode(ERRCODE_WRONG_OBJECT_TYPE),
            errmsg("type %s is not composite", format_type_be(plan->type)));
  }
  uint64 version = type->tupDesc_identifier;
  if (plan->version == version) return;
  plan->version = 0;
  PlanFieldsOf(plan, type->tupDesc, format);
  plan->version = version;
}

}  // namespace sequin
