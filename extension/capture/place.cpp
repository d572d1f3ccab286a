// Which place this is (place.h).
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "capture/place.h"

#include "capture/names.h"
#include "capture/settings.h"
#include "log/progress_columns.h"
#include "pg/table.h"

namespace sequin {
namespace {

bool started_as_standby = false;

// The folder `base` in it is made by initdb once, and by whoever copies it.
const char* PlaceOfDataFolder() {
  static char place[17] = "";
  if (place[0] != '\0') return place;
  struct {
    char path[MAXPGPATH];
    uint64 file;
    int64 born_seconds;
    uint64 born_nanoseconds;
  } found;
  memset(&found, 0, sizeof(found));
  strlcpy(found.path, DataDir, sizeof(found.path));
  struct statx file;
  const char* folder = psprintf("%s/base", DataDir);
  if (statx(AT_FDCWD, folder, 0, STATX_INO | STATX_BTIME, &file) == 0) {
    found.file = file.stx_ino;
    if (file.stx_mask & STATX_BTIME) {
      found.born_seconds = file.stx_btime.tv_sec;
      found.born_nanoseconds = file.stx_btime.tv_nsec;
    }
  }
  pg_snprintf(place, sizeof(place), "%016llx",
              static_cast<unsigned long long>(XXH64(&found, sizeof(found), 0)));
  return place;
}

// Versions before 0.2.0 wrote "host:folder".
bool IsOfOldFormat(std::string_view place) {
  return !place.empty() && place[0] != '=' && place.find(':') != std::string_view::npos;
}

}  // namespace

void NoteHowStarted() {
  started_as_standby = access("standby.signal", F_OK) == 0;
  PlaceOfDataFolder();
}

bool StartedAsStandby() {
  return started_as_standby;
}

bool PlaceIsNamed() {
  return PlaceName()[0] != '\0';
}

bool IsNamedPlace(const char* place) {
  return place[0] == '=';
}

const char* Place() {
  return PlaceIsNamed() ? psprintf("=%s", PlaceName()) : PlaceOfDataFolder();
}

// Where the folder is the one it was, a name that it got meanwhile changes nothing.
bool IsThisPlace(std::string_view place) {
  return place == Place() || place == PlaceOfDataFolder() || IsOfOldFormat(place);
}

const char* HomeIn(const char* place) {
  return psprintf(UINT64_FORMAT ":%u:%s", GetSystemIdentifier(), MyDatabaseId, place);
}

const char* HomeOfOldFormat() {
  return psprintf(UINT64_FORMAT ":%u", GetSystemIdentifier(), MyDatabaseId);
}

const char* Home() {
  return HomeIn(Place());
}

bool IsHome(std::string_view home) {
  return home == HomeIn(Place()) || home == HomeIn(PlaceOfDataFolder()) ||
         home == HomeOfOldFormat();
}

CaptureHome FindCaptureHome() {
  CaptureHome home{};
  Relation table = OpenOwnTable("progress", AccessShareLock);
  ScanPrimaryKey(table, GetActiveSnapshot(), {}, Direction::kForward, [&](HeapTuple tuple) {
    bool is_null;
    auto column = [&](ProgressColumn number) {
      return ColumnOf(table, tuple, static_cast<AttrNumber>(number), &is_null);
    };
    const char* slot = NameStr(*DatumGetName(column(ProgressColumn::kSlot)));
    const char* place = TextDatumGetCString(column(ProgressColumn::kFingerprint));
    bool same_system = DatumGetInt64(column(ProgressColumn::kSystemId)) ==
                       static_cast<int64>(GetSystemIdentifier());
    bool same_database = same_system && strcmp(slot, SlotNameOf(MyDatabaseId).text) == 0;
    home.known = true;
    home.stopped = DatumGetBool(column(ProgressColumn::kStopped));
    home.here = same_database && IsThisPlace(place);
    home.promoted = same_database && !home.here && StartedAsStandby() && !PlaceIsNamed() &&
                    !IsNamedPlace(place);
    return false;
  });
  table_close(table, AccessShareLock);
  return home;
}

}  // namespace sequin
