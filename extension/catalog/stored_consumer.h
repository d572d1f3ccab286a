// Declarations in their tables: written as the owner of the extension, by whoever may.
#pragma once

#include "catalog/declaration.h"

namespace sequin {

// Taken by everything that changes declarations, until the transaction ends: names are checked and
// written without another one coming between. Readers do not notice.
void LockDeclarations();

bool ConsumerExists(const char* name);
pg_uuid_t* InsertConsumer(const Declaration& declaration, Oid owner);
Declaration LoadDeclaration(int32 consumer);
// `activate`: from now on it is at home in this database.
void UpdateConsumer(int32 consumer, const Declaration& declaration, bool activate);
// With all that the queue has of it, and its dead letters. The queue's lock is the caller's matter.
void DeleteConsumer(int32 consumer);
// A consumer that its filter has suspended goes on where it stands.
void EndSuspension(int32 consumer);
// Also of its endpoint.
void RenameConsumer(int32 consumer, const char* name);
void InsertGrantee(int32 consumer, Oid role);
void DeleteGrantee(int32 consumer, Oid role);
// Starts capture of this database if it is not running, before anything is written.
void EnsureCapture();

}  // namespace sequin
