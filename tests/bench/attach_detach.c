/* The least that attach_disk and detach_disk can cost: libvirt's own two calls with the device on stdin.
   usage: attach_detach URI DOMAIN */
#include <libvirt/libvirt.h>

#include <stddef.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    static char xml[1 << 16];
    const unsigned flags = VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG;
    if (argc != 3 || fread(xml, 1, sizeof xml - 1, stdin) == 0)
        return 2;
    virConnectPtr connection = virConnectOpen(argv[1]);
    virDomainPtr domain = connection == NULL ? NULL : virDomainLookupByName(connection, argv[2]);
    const int failed = domain == NULL || virDomainAttachDeviceFlags(domain, xml, flags) < 0 ||
                       virDomainDetachDeviceFlags(domain, xml, flags) < 0;
    if (connection != NULL)
        virConnectClose(connection);
    return failed;
}
