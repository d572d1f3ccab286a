// Rows as one consumer gets them (message_row.h).
#include "queue/message_row.h"

#include "queue/log_relation.h"
#include "queue/projection.h"

namespace sequin {

bool MessageRows::ChoosesColumnsAnywhere(const Consumer* consumer) {
  bool any = ChoosesColumns(consumer->choice);
  const TableOptions& options = OptionsOf(consumer);
  for (int i = 0; i < options.count; i++) {
    any |= ChoosesColumns(options.items[i].choice);
  }
  return any;
}

void MessageRows::Project(LogRow* row) {
  LogRelation table = FindLogRelation(row->relation);
  TableChoice choice = ChoiceFor(consumer_, table.schema, table.table, table.reloid);
  if (ChoosesColumns(choice)) ProjectRow(choice, row);
}

}  // namespace sequin
