// Columns of the tables of streams, in the order of api/stream_tables.sql.
#pragma once

#include "pg/prelude.h"

namespace sequin {

namespace stream_message_column {
enum Number : AttrNumber { kStream = 1, kBytes, kSeq, kFirstTime, kTime, kAlone, kKey };
inline constexpr int kColumns = kKey;
}  // namespace stream_message_column

namespace latest_column {
enum Number : AttrNumber { kConsumer = 1, kRelation, kHash, kSeq, kKey };
inline constexpr int kColumns = kKey;
}  // namespace latest_column

namespace stream_start_column {
enum Number : AttrNumber { kConsumer = 1, kStream, kSeq, kEndOrd, kKeyPattern };
inline constexpr int kColumns = kKeyPattern;
}  // namespace stream_start_column

}  // namespace sequin
