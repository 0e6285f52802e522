# Entry code of the boot image, AT&T syntax. It takes every vCPU to 64-bit mode and into Rust.
#
# The first vCPU comes from a boot loader in 32-bit protected mode without paging (Multiboot specification 0.6.96
# section 3.2; Xen docs/misc/pvh.pandoc), the others from SIPI in real mode. EBX of the first one points to the boot
# loader's information, which CPUID would overwrite.

    .set COM1, 0x3f8

# QEMU's multiboot loader takes an ELF64 only through the address fields ("a.out kludge"), which need the file to be
# one contiguous piece: link.ld sees to that.
    .set MULTIBOOT_MAGIC, 0x1badb002
    .set MULTIBOOT_FLAGS, 0x00010002        # memory information wanted, address fields valid
    .section .head, "a"
    .balign 4
multiboot_header:
    .long MULTIBOOT_MAGIC
    .long MULTIBOOT_FLAGS
    .long -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)
    .long multiboot_header
    .long image_start
    .long image_data_end
    .long image_end
    .long multiboot_entry

# XEN_ELFNOTE_PHYS32_ENTRY
    .section .note.pvh, "a", @note
    .balign 4
    .long 4, 8, 18
    .asciz "Xen"
    .quad pvh_entry

    .section .entry, "ax"
    .code32
multiboot_entry:
    mov $0, %ebp
    jmp first_vcpu
    .globl pvh_entry
pvh_entry:
    mov $1, %ebp
first_vcpu:
    cli
    cld
    mov %ebx, %esi

    # Long mode? A CPU without extended leaves answers with its highest basic leaf, whose high half is not 0x8000.
    mov $0x80000000, %eax
    cpuid
    mov %eax, %edx
    shr $16, %edx
    cmp $0x8000, %edx
    jne no_long_mode
    cmp $0x80000001, %eax
    jb no_long_mode
    mov $0x80000001, %eax
    cpuid
    bt $29, %edx
    jnc no_long_mode

    # .bss holds the page tables; not every loader clears it.
    mov $image_data_end, %edi
    mov $image_end, %ecx
    sub %edi, %ecx
    xor %eax, %eax
    rep stosb

    # Map the first GiB (image, RAM) and the fourth (APIC) one to one with 2 MiB pages, the fourth uncached.
    movl $page_directory_pointers + 3, page_map
    movl $low_pages + 3, page_directory_pointers
    movl $high_pages + 3, page_directory_pointers + 3 * 8
    xor %ecx, %ecx
1:  mov %ecx, %eax
    shl $21, %eax
    lea 0x83(%eax), %edx
    mov %edx, low_pages(, %ecx, 8)
    lea 0xc000009b(%eax), %edx
    mov %edx, high_pages(, %ecx, 8)
    inc %ecx
    cmp $512, %ecx
    jne 1b

    lgdt gdt_pointer
    mov $first_vcpu_64, %edi
    jmp long_mode

# Says so on the serial port and powers off: nothing more can run here.
no_long_mode:
    mov $no_long_mode_text, %esi
1:  mov $COM1 + 5, %edx                     # wait until the transmitter is empty
    inb %dx, %al
    test $0x20, %al
    jz 1b
    lodsb
    test %al, %al
    jz 2f
    mov $COM1, %edx
    outb %al, %dx
    jmp 1b
2:  mov $0x604, %edx                        # ACPI PM1a control of QEMU's pc and q35: soft off
    mov $0x2000, %eax
    outw %ax, %dx
    lidt no_idt                             # elsewhere: triple fault
    ud2

# From 32-bit protected mode without paging to %edi in 64-bit mode. Keeps %esi, %ebp. Needs no stack.
long_mode:
    mov %cr4, %eax
    or ${cr4}, %eax
    mov %eax, %cr4
    mov $page_map, %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx                   # EFER: long mode enable
    rdmsr
    or $0x100, %eax
    wrmsr
    mov %cr0, %eax
    or $0x80000001, %eax                    # paging, protection
    and $0x9fffffff, %eax                   # INIT leaves the caches off: on
    mov %eax, %cr0
    ljmp $0x08, $1f
    .code64
1:  mov $0x10, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    jmp *%rdi

first_vcpu_64:
    mov ${slots} + {stack}, %esp            # slot 0
    mov %esi, %edi
    mov %ebp, %esi
    call {first}
    ud2

# A secondary vCPU: take a slot, and its stack in it. More vCPUs than slots fit into RAM: out, unread.
secondary_vcpu_64:
    mov $1, %eax
    lock xadd %eax, {next_slot}
    cmp {slot_limit}, %eax
    jae 1f
    mov %rax, %rdi
    imul ${slot}, %rax, %rsp
    add ${slots} + {stack}, %rsp
    call {secondary}
1:  cli
    hlt
    jmp 1b

    .code32
secondary_vcpu_32:
    mov $0x10, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov $secondary_vcpu_64, %edi
    jmp long_mode

# Copied to {trampoline}, where SIPI starts a vCPU in real mode with CS.base = {trampoline} and IP = 0.
    .code16
    .globl trampoline_start, trampoline_end
trampoline_start:
    cli
    cld
    lgdtl %cs:trampoline_gdt - trampoline_start
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    ljmpl $0x18, $secondary_vcpu_32
    .balign 4
trampoline_gdt:
    .word gdt_end - gdt - 1
    .long gdt
trampoline_end:

    .code64
# fn try_rdmsr(index: u32, value: &mut u64) -> bool; false where the read faults.
    .globl try_rdmsr
try_rdmsr:
    mov %edi, %ecx
try_rdmsr_at:
    rdmsr
    mov %eax, (%rsi)
    mov %edx, 4(%rsi)
    mov $1, %eax
    ret
try_rdmsr_failed:
    xor %eax, %eax
    ret

# fn try_xsetbv(value: u64) -> bool: XCR0 = value; false where that faults.
    .globl try_xsetbv
try_xsetbv:
    xor %ecx, %ecx
    mov %edi, %eax
    mov %rdi, %rdx
    shr $32, %rdx
try_xsetbv_at:
    xsetbv
    mov $1, %eax
    ret

# This vCPU was woken: that was all.
    .globl wake_interrupt
wake_interrupt:
    iretq

# Exceptions: a fault of the two functions above makes them return false, all else is fatal.
    .globl general_protection, exception_stubs
general_protection:
    add $8, %rsp                            # error code
    cmpq $try_rdmsr_at, (%rsp)
    je 1f
    cmpq $try_xsetbv_at, (%rsp)
    je 1f
    mov $13, %edi
    mov (%rsp), %rsi
    jmp fatal
1:  movq $try_rdmsr_failed, (%rsp)
    iretq

# Sixteen bytes a vector. Some push an error code below the return address, which is printed as it is then.
    .balign 16
exception_stubs:
    .set vector, 0
    .rept 32
    .balign 16
    mov $vector, %edi
    mov (%rsp), %rsi
    jmp fatal
    .set vector, vector + 1
    .endr
fatal:
    and $-16, %rsp
    call {exception}
    ud2

    .section .rodata.entry, "a"
no_long_mode_text:
    .asciz "\ncpuid-boot error: this CPU has no long mode (CPUID.80000001H:EDX[29] is 0), so 64-bit code cannot run\n"
    .balign 8
gdt:
    .quad 0
    .quad 0x00af9b000000ffff                # 0x08: 64-bit code
    .quad 0x00cf93000000ffff                # 0x10: data
    .quad 0x00cf9b000000ffff                # 0x18: 32-bit code
gdt_end:
gdt_pointer:
    .word gdt_end - gdt - 1
    .long gdt
no_idt:
    .word 0
    .long 0

    .section .bss.pages, "aw", @nobits
    .balign 4096
page_map: .skip 4096
page_directory_pointers: .skip 4096
low_pages: .skip 4096
high_pages: .skip 4096
