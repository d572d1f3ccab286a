// The consumer definitions in force while decoding, as the WAL had them at the current commit.
//
// Definitions come from decoded changes of sequin.consumer (decode/plugin.cpp) and, at start, from
// sequin.routing; both as the same JSON text, so that there is one reader.
#pragma once

#include "catalog/table_options.h"
#include "change/value_json.h"
#include "filter/filter.h"
#include "pg/memory.h"

namespace sequin {

enum class PartitionName : uint8_t { kRoot, kOwn };
enum class Transition : uint8_t { kUpdate, kInsertDelete };

struct Definition {
  int32 consumer;
  Oid owner;
  uint32 actions;  // ActionMask
  TextList tables;
  TableChoice choice;  // for tables without an option
  TableOptions options;
  NumberFormat number_format;
  PartitionName partition_name;
  Transition transition;
  bool include_children;
  TextList message_prefixes;
  bool latest;              // mode latest
  int32 stream;             // 0: tables
  const char* key_pattern;  // with a stream
  MemoryContext context;    // owns it all
  // How its filter does while decoding, of whatever table. Kept when plans are made anew.
  mutable int filter_failures;  // in a row
  mutable int slow_compilations;
  mutable bool filter_failed;  // at least once
  mutable bool filter_off;  // it cost too much: all its changes are looked at when they are claimed
};

// Grows when a filter of whatever definition fails for the first time or is turned off.
uint64 FilterGeneration();
void NoteFailedFilter(const Definition* definition);
void TurnFilterOff(const Definition* definition);

class Routing {
 public:
  void Init(MemoryContext parent);
  // In force from the next decoded transaction on. A consumer whose text is damaged (somebody wrote
  // to our tables) captures nothing, with a WARNING, until it is set again. In a transaction.
  void Set(int32 consumer, const char* definition_json);
  void Remove(int32 consumer);
  const Vec<Definition*>& definitions() const { return definitions_; }  // ascending by consumer
  // Somebody asks for messages of pg_logical_emit_message.
  bool any_messages() const { return any_messages_; }
  uint64 generation() const { return generation_; }  // grows at every change

 private:
  size_t PositionOf(int32 consumer) const;
  void Changed();

  MemoryContext context_;
  Vec<Definition*> definitions_;
  uint64 generation_;
  bool any_messages_;
};

// Whether the consumer asks for messages with this prefix: it is named, or its beginning with a *.
bool WantsMessages(const Definition* definition, std::string_view prefix);

// The stream and the pattern of a definition text; 0: a consumer of tables. In the current memory
// context.
struct StreamSource {
  int32 stream;
  const char* key_pattern;
};
StreamSource StreamSourceOf(const char* definition_json);

// The definition text of a row of sequin.consumer. `before`: the old row of an update, or nullptr.
const char* DefinitionText(TupleDesc descriptor, HeapTuple tuple, HeapTuple before);
int32 ConsumerIdOf(TupleDesc descriptor, HeapTuple tuple);

}  // namespace sequin
