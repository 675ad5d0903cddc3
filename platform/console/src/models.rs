//! The kinds of UART that are understood. A new one is an entry here.
//!
//! Offsets and bits are those of each vendor's manual, as Linux's drivers (drivers/tty/serial) use them.
use crate::uart::{Layout, Ready, Step};

/// A kind of UART, by the strings that a device tree gives it.
pub struct Model {
    /// The `compatible` strings.
    pub(crate) compatible: &'static [&'static str],
    /// How far its registers are apart.
    pub(crate) layout: Layout,
    /// The register that a byte is written to: a byte offset, or a number where the layout says so.
    pub(crate) data: u16,
    /// The register that says whether there is room for one, likewise.
    pub(crate) status: u16,
    /// What it says then.
    pub(crate) ready: Ready,
    /// What switches the transmitter on, where firmware may have left it off.
    pub(crate) enable: &'static [Step],
}

/// Every kind of UART that is understood.
pub(crate) static MODELS: &[Model] = &[
    // Arm DDI 0183: UARTDR, UARTFR.TXFF. UARTLCR_H: eight bits, FIFOs; UARTCR: on, in both directions.
    Model {
        compatible: &["arm,pl011"],
        layout: Layout::Words,
        data: 0x00,
        status: 0x18,
        ready: Ready::Clear(1 << 5),
        enable: &[Step { offset: 0x2c, keep: 0, set: 0x70 }, Step { offset: 0x30, keep: 0, set: 0x301 }],
    },
    // Arm DEN 0029 (SBSA), generic UART: the two registers, and no others. Xen answers the rest with an abort.
    Model {
        compatible: &["arm,sbsa-uart"],
        layout: Layout::Words,
        data: 0x00,
        status: 0x18,
        ready: Ready::Clear(1 << 5),
        enable: &[],
    },
    // The 8250 and its descendants: THR, LSR.THRE. The tree says how its registers are spread.
    Model {
        compatible: &[
            "ns16550a",
            "ns16550",
            "ns16450",
            "ns8250",
            "ns16850",
            "snps,dw-apb-uart",
            "nuvoton,npcm750-uart",
            "nvidia,tegra20-uart",
        ],
        layout: Layout::Numbered,
        ..NS16550
    },
    // The same, and the tree need not say that they are words.
    Model {
        compatible: &["brcm,bcm2835-aux-uart", "mediatek,mt6577-uart", "ti,am654-uart", "ti,omap4-uart"],
        ..NS16550
    },
    // NXP i.MX: UTXD, UTS.TXFULL. UCR1.UARTEN; UCR2: the transmitter is on, and nothing in reset.
    Model {
        compatible: &["fsl,imx6q-uart", "fsl,imx53-uart", "fsl,imx21-uart"],
        layout: Layout::Words,
        data: 0x40,
        status: 0xb4,
        ready: Ready::Clear(1 << 4),
        enable: &[Step { offset: 0x80, keep: !1, set: 1 }, Step { offset: 0x84, keep: !5, set: 5 }],
    },
    // NXP LPUART with 32-bit registers behind a version and a parameter register: DATA, STAT.TDRE. CTRL.TE.
    Model {
        compatible: &["fsl,imx7ulp-lpuart", "fsl,imx8ulp-lpuart", "fsl,imx8qxp-lpuart"],
        layout: Layout::Words,
        data: 0x1c,
        status: 0x14,
        ready: Ready::Set(1 << 23),
        enable: &[Step { offset: 0x18, keep: !(1 << 19), set: 1 << 19 }],
    },
    // The LPUART of Layerscape chips, without those two; little-endian from the LS1028A on.
    Model {
        compatible: &["fsl,ls1028a-lpuart"],
        layout: Layout::Words,
        data: 0x0c,
        status: 0x04,
        ready: Ready::Set(1 << 23),
        enable: &[Step { offset: 0x08, keep: !(1 << 19), set: 1 << 19 }],
    },
    // Cadence (Xilinx UG1085, 21): TX_RX_FIFO, Channel_sts.TFUL. Control: TXEN, and not TXDIS. TXRES and RXRES, which
    // end by themselves, are not written again.
    Model {
        compatible: &["cdns,uart-r1p8", "cdns,uart-r1p12", "xlnx,zynqmp-uart", "xlnx,xuartps"],
        layout: Layout::Words,
        data: 0x30,
        status: 0x2c,
        ready: Ready::Clear(1 << 4),
        enable: &[Step { offset: 0x00, keep: !0x33, set: 0x10 }],
    },
    // Samsung: UTXH, UTRSTAT.TXE: both buffer and shifter are empty, which is so with the FIFO on or off. UFSTAT's
    // full bit only counts with the FIFO on.
    Model {
        compatible: &[
            "samsung,exynos4210-uart",
            "samsung,exynos5433-uart",
            "samsung,exynos850-uart",
            "google,gs101-uart",
            "tesla,fsd-uart",
            "apple,s5l-uart",
        ],
        layout: Layout::Words,
        data: 0x20,
        status: 0x10,
        ready: Ready::Set(1 << 2),
        enable: &[],
    },
    // Amlogic: WFIFO, STATUS.TX_FULL. CONTROL.TX_EN.
    Model {
        compatible: &[
            "amlogic,meson-ao-uart",
            "amlogic,meson-gx-uart",
            "amlogic,meson-g12a-uart",
            "amlogic,meson-s4-uart",
            "amlogic,meson-a1-uart",
            "amlogic,meson8b-uart",
            "amlogic,meson8-uart",
            "amlogic,meson6-uart",
        ],
        layout: Layout::Words,
        data: 0x00,
        status: 0x0c,
        ready: Ready::Clear(1 << 21),
        enable: &[Step { offset: 0x08, keep: !(1 << 12), set: 1 << 12 }],
    },
    // Marvell Armada 3700: TSH, STAT.TX_FIFO_FUL.
    Model {
        compatible: &["marvell,armada-3700-uart"],
        layout: Layout::Words,
        data: 0x04,
        status: 0x0c,
        ready: Ready::Clear(1 << 11),
        enable: &[],
    },
];

/// The 8250's transmitter: THR is register 0, LSR register 5, and LSR.THRE is bit 5.
const NS16550: Model = Model {
    compatible: &[],
    layout: Layout::NumberedWords,
    data: 0,
    status: 5,
    ready: Ready::Set(1 << 5),
    enable: &[],
};

impl Model {
    /// The model for the first of `compatible` that is understood.
    pub fn find<'s>(compatible: impl IntoIterator<Item = &'s str>) -> Option<&'static Self> {
        compatible
            .into_iter()
            .find_map(|string| MODELS.iter().find(|model| model.compatible.contains(&string)))
    }
}
