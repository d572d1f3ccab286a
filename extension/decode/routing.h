// The consumer definitions in force while decoding, as the WAL had them at the current commit.
//
// Definitions come from decoded changes of sequin.consumer (decode/plugin.cpp) and, at start, from
// sequin.routing; both as the same JSON text, so that there is one reader.
#pragma once

#include "filter/filter.h"
#include "pg/memory.h"

namespace sequin {

struct Definition {
  int32 consumer;
  Oid owner;
  uint32 actions;  // ActionMask
  const char* const* tables;
  int table_count;
  const char* filter;  // nullptr: none
  bool custom_group;   // group_columns were given
  const char* const* group_columns;
  int group_column_count;
  MemoryContext context;  // owns it all
};

class Routing {
 public:
  void Init(MemoryContext parent);
  // In force from the next decoded transaction on. Damaged text is an ERROR.
  void Set(int32 consumer, const char* definition_json);
  void Remove(int32 consumer);
  const Vec<Definition*>& definitions() const { return definitions_; }  // ascending by consumer
  uint64 generation() const { return generation_; }                     // grows at every change

 private:
  size_t PositionOf(int32 consumer) const;

  MemoryContext context_;
  Vec<Definition*> definitions_;
  uint64 generation_;
};

// The definition text of a row of sequin.consumer. `before`: the old row of an update, or nullptr.
const char* DefinitionText(TupleDesc descriptor, HeapTuple tuple, HeapTuple before);
int32 ConsumerIdOf(TupleDesc descriptor, HeapTuple tuple);

}  // namespace sequin
