// How streams are told from tables in the log and in routes.
#pragma once

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstdint>
#include <string_view>

namespace sequin {

// Column `relation` of the log: positive for tables (sequin.relation.id).
inline int32_t StreamRelationId(int32_t stream) {
  return -stream;
}
inline bool IsStreamRelationId(int32_t relation) {
  return relation < 0;
}
inline int32_t StreamOfRelationId(int32_t relation) {
  return -relation;
}

// The group of a key: XXH3 (xxHash 0.8, 64 bits), seeded with the stream in the upper half, where
// seeds of tables have nothing.
inline uint64_t StreamGroupHash(int32_t stream, std::string_view key) {
  return XXH3_64bits_withSeed(key.data(), key.size(), static_cast<uint64_t>(stream) << 32);
}

}  // namespace sequin
