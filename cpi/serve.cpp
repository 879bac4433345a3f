#include "cpi/serve.h"

#include "cpi/config/config.h"
#include "cpi/dispatch.h"
#include "cpi/process.h"
#include "cpi/wire/redact.h"
#include "cpi/wire/response.h"
#include "host/local_host.h"

#include <unistd.h>

#include <cstdlib>

namespace cpi {

int serve(const std::string& config_file)
{
    ensure_standard_descriptors();
    Responder responder;
    Log log;
    const auto fail = [&](const std::string& message) {
        responder.respond(failure(log.redactor(), {ErrorKind::cloud, message}));
    };
    try {
        require_descriptors();
        // Callers read the answer, not the exit status.
        end_in_order(fail, EXIT_SUCCESS, responder.fd());
    } catch (const std::exception& error) { // no file, or no thread: nothing can begin
        log.error(error.what());
        fail(error.what());
        ::_exit(EXIT_SUCCESS);
    }

    LocalHost host;
    const auto read_text = [&config_file] { return read_config_file(config_file); };
    answer(read_all(STDIN_FILENO), config_file, read_text, host, log,
           [&responder](std::string_view document) { responder.respond(document); });
    // The watching thread still uses what lives here: leave without taking it apart.
    ::_exit(EXIT_SUCCESS);
}

} // namespace cpi
