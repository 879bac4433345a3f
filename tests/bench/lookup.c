/* The least that has_vm can cost: open the URI and look a domain up. */
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include <stddef.h>

static void quiet(void *data, virErrorPtr error)
{
    (void)data;
    (void)error;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    virSetErrorFunc(NULL, quiet);
    virConnectPtr connection = virConnectOpen(argv[1]);
    if (connection == NULL)
        return 1;
    virDomainPtr domain = virDomainLookupByName(connection, argv[2]);
    if (domain != NULL)
        virDomainFree(domain);
    virConnectClose(connection);
    return 0;
}
