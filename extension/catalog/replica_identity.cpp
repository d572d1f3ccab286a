// Replica identities of a table and its partitions (replica_identity.h).
#include "catalog/replica_identity.h"

namespace sequin {
namespace {

int MemberOf(AttrNumber column) {
  return column - FirstLowInvalidHeapAttributeNumber;
}

// All columns when the whole row is asked for.
Bitmapset* Expand(Relation relation, const Bitmapset* columns) {
  Bitmapset* expanded = bms_copy(columns);
  if (!bms_is_member(MemberOf(InvalidAttrNumber), columns)) return expanded;
  TupleDesc descriptor = RelationGetDescr(relation);
  for (int i = 0; i < descriptor->natts; i++) {
    if (TupleDescAttr(descriptor, i)->attisdropped) continue;
    expanded = bms_add_member(expanded, MemberOf(static_cast<AttrNumber>(i + 1)));
  }
  return bms_del_member(expanded, MemberOf(InvalidAttrNumber));
}

// Columns go by name: partitions may number them differently.
bool FindGapOf(Oid leaf, Relation root, const Bitmapset* columns, IdentityGap* gap) {
  Relation relation = relation_open(leaf, AccessShareLock);
  bool full = relation->rd_rel->relreplident == REPLICA_IDENTITY_FULL;
  Bitmapset* covered =
      full ? nullptr : RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_IDENTITY_KEY);
  bool found = false;
  int member = -1;
  while (!full && !found && (member = bms_next_member(columns, member)) >= 0) {
    auto number = static_cast<AttrNumber>(member + FirstLowInvalidHeapAttributeNumber);
    const char* name = NameStr(TupleDescAttr(RelationGetDescr(root), number - 1)->attname);
    if (bms_is_member(MemberOf(get_attnum(leaf, name)), covered)) continue;
    *gap = {pstrdup(name), QualifiedName(leaf), leaf};
    found = true;
  }
  relation_close(relation, NoLock);
  return found;
}

}  // namespace

const char* QualifiedName(Oid relation) {
  return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)),
                                    get_rel_name(relation));
}

bool FindIdentityGap(Relation relation, const Bitmapset* columns, IdentityGap* gap) {
  if (bms_is_empty(columns)) return false;
  Bitmapset* expanded = Expand(relation, columns);
  if (relation->rd_rel->relkind != RELKIND_PARTITIONED_TABLE) {
    return FindGapOf(RelationGetRelid(relation), relation, expanded, gap);
  }
  List* members = find_all_inheritors(RelationGetRelid(relation), AccessShareLock, nullptr);
  ListCell* cell;
  foreach (cell, members) {
    Oid member = lfirst_oid(cell);
    if (get_rel_relkind(member) != RELKIND_RELATION) continue;
    if (FindGapOf(member, relation, expanded, gap)) return true;
  }
  return false;
}

bool LogsOldValues(Relation relation, const Bitmapset* columns) {
  if (relation->rd_rel->relreplident == REPLICA_IDENTITY_FULL) return true;
  return bms_is_subset(Expand(relation, columns), RelationGetIdentityKeyBitmap(relation));
}

const char* DescribeIdentity(Oid oid) {
  Relation relation = relation_open(oid, AccessShareLock);
  Bitmapset* columns = RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_IDENTITY_KEY);
  StringInfoData text;
  initStringInfo(&text);
  if (relation->rd_rel->relreplident == REPLICA_IDENTITY_FULL) {
    appendStringInfoString(&text, "all columns");
  } else if (bms_is_empty(columns)) {
    appendStringInfoString(&text, "no columns");
  } else {
    int member = -1;
    while ((member = bms_next_member(columns, member)) >= 0) {
      auto number = static_cast<AttrNumber>(member + FirstLowInvalidHeapAttributeNumber);
      if (text.len > 0) appendStringInfoString(&text, ", ");
      appendStringInfoString(&text, quote_identifier(get_attname(oid, number, false)));
    }
  }
  relation_close(relation, NoLock);
  return text.data;
}

}  // namespace sequin
