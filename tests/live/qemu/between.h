#pragma once

#include "base/text.h"
#include "conformance/qemu_lab.h"
#include "support/libvirt_proxy.h"
#include "virt/uri.h"

#include <string>
#include <string_view>

namespace cpi::test {

/// A CPI whose way to libvirtd leads through the proxy, where a test says so.
struct Between {
    LibvirtProxy proxy{uri_parameter(lab_uri(), "socket")};
    QemuCpi cpi;
    std::string through_proxy =
        concat(R"({"uri":)", json_string(concat("qemu:///system?socket=", proxy.socket())), "}");

    [[nodiscard]] Reply call(std::string_view method, std::string_view arguments) const
    {
        return cpi.process().call(method, arguments, through_proxy);
    }
    /// How many calls a method makes of libvirt.
    [[nodiscard]] unsigned count(std::string_view method, std::string_view arguments)
    {
        proxy.begin();
        static_cast<void>(call(method, arguments).require_ok());
        return static_cast<unsigned>(proxy.called().size());
    }
};

} // namespace cpi::test
