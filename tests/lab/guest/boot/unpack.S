# What a bzImage runs in protected mode, for a kernel that was packed by LZ4: the xz of Debian's takes a third of a guest's boot
# under emulation. By the boot protocol (the kernel's Documentation/arch/x86/boot.rst) it is loaded to 1 MiB and entered there
# in 32 bits, with the address of the boot parameters in %esi. Linux itself is entered in 64 bits, where it is linked to.
LINUX = 0x1000000

        .code32
        .globl _start
_start: cli
        cld
        # Each address means itself up to 4 GiB, in pages of 2 MiB.
        movl    $tables, %edi
        leal    0x1007(%edi), %eax
        movl    %eax, (%edi)
        leal    0x1000(%edi), %ebx
        leal    0x2007(%edi), %eax
        movl    $4, %ecx
1:      movl    %eax, (%ebx)
        addl    $8, %ebx
        addl    $0x1000, %eax
        loop    1b
        leal    0x2000(%edi), %ebx
        movl    $0x83, %eax
        movl    $2048, %ecx
2:      movl    %eax, (%ebx)
        addl    $8, %ebx
        addl    $0x200000, %eax
        loop    2b
        movl    %edi, %cr3
        movl    %cr4, %eax
        orl     $0x20, %eax             # PAE
        movl    %eax, %cr4
        movl    $0xc0000080, %ecx       # EFER
        rdmsr
        orl     $0x100, %eax            # long mode
        wrmsr
        movl    %cr0, %eax
        orl     $0x80000001, %eax       # paging, protection
        movl    %eax, %cr0
        lgdt    gdt_register
        ljmp    $0x10, $in_64_bits

        .code64
in_64_bits:
        movl    $0x18, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %ss
        movl    $stack, %esp
        movl    %esi, %ebp              # the boot parameters
        movl    $packed + 4, %esi       # LZ4's legacy format: a magic number, then blocks with their lengths before them
        movl    $LINUX, %edi
block:  lodsl
        testl   %eax, %eax
        jz      start
        leaq    (%rsi,%rax), %rbx       # where it ends
sequence:
        movzbl  (%rsi), %edx
        incq    %rsi
        movl    %edx, %ecx
        shrl    $4, %ecx
        call    length
        rep movsb                       # literals
        cmpq    %rbx, %rsi
        jae     block
        movzwl  (%rsi), %eax            # how far back what follows was seen
        addq    $2, %rsi
        movl    %edx, %ecx
        andl    $15, %ecx
        call    length
        addl    $4, %ecx
        movq    %rsi, %r8
        movq    %rdi, %rsi
        subq    %rax, %rsi
        rep movsb
        movq    %r8, %rsi
        jmp     sequence
# %ecx: after 15 more bytes are added, up to one that is not 255.
length: cmpl    $15, %ecx
        jne     4f
3:      movzbl  (%rsi), %r9d
        incq    %rsi
        addl    %r9d, %ecx
        cmpl    $255, %r9d
        je      3b
4:      ret
start:  movl    %ebp, %esi
        movl    $LINUX, %eax
        jmp     *%rax

        .balign 8
gdt:    .quad   0, 0, 0x00af9a000000ffff, 0x00cf92000000ffff # 0x10: code of 64 bits, 0x18: data
gdt_register:
        .word   . - gdt - 1
        .long   gdt
        .balign 4096
tables: .fill   6 * 4096
        .fill   4096
stack:
packed: .incbin "linux.lz4"
        .long   0
