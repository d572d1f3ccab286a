// Which place this is: a copy of the database is recognised by being in another one.
//
// The place of a database is the data folder it lives in: its path, and the file number and time of
// birth of a folder in it that no server ever makes anew. A folder that was copied, or restored
// from a backup, has others; one that only moves to another container, host name or address has
// not. A clone of a whole volume has the same: sequin.place gives such places names, which count
// instead.
#pragma once

#include "pg/prelude.h"

namespace sequin {

// While preloading: looks how the server was started, before that can no longer be seen.
void NoteHowStarted();
// The server was a standby when it was started. If it is none now, it was promoted.
bool StartedAsStandby();

const char* Place();
bool PlaceIsNamed();             // by sequin.place
bool IsNamedPlace(const char*);  // whether a place that was stored was named
bool IsThisPlace(std::string_view place);

// The current database in this place. What consumers were made active in.
const char* Home();
bool IsHome(std::string_view home);
const char* HomeIn(const char* place);
const char* HomeOfOldFormat();  // as versions before 0.2.0 wrote it

// What sequin.progress says of where the database was captured last.
struct CaptureHome {
  bool known;     // it was captured
  bool stopped;   // sequin.stop()
  bool here;      // in this very place, and not in another database
  bool promoted;  // this was a standby of that place
};
// With an active snapshot. The extension must exist.
CaptureHome FindCaptureHome();

}  // namespace sequin
