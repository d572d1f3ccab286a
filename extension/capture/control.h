// SQL functions of capture; declared in api/capture.sql.
#pragma once
