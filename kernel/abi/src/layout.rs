//! Structures that cross the boundary, described once.
//!
//! [`abi_struct!`](crate::abi_struct) declares a `repr(C)` structure and with it what everybody else
//! needs: how it turns into bytes and back without `unsafe`, and the offset of each field for the C
//! headers' static asserts.

/// One field as generated headers and tests see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The field's name.
    pub name: &'static str,
    /// Its type in C.
    pub c_type: &'static str,
    /// Elements, for an array; 0 for a plain field.
    pub count: usize,
    /// Bytes from the start of the structure.
    pub offset: usize,
    /// Bytes it takes.
    pub size: usize,
}

/// A structure that can be copied to and from a program's memory.
pub trait AbiStruct: Sized {
    /// The name in C.
    const C_NAME: &'static str;
    /// Bytes in memory.
    const SIZE: usize;
    /// The fields in order.
    const FIELDS: &'static [Field];

    /// Writes the structure into `bytes`; padding is left as it is. A shorter buffer takes what fits.
    fn put(&self, bytes: &mut [u8]);

    /// Reads the structure from `bytes`; what a shorter buffer lacks is zero.
    fn get(bytes: &[u8]) -> Self;
}

/// A value that a field can have. Little-endian, as AArch64 runs here.
pub trait Plain: Copy {
    /// Its type in C.
    const C_TYPE: &'static str;
    /// Elements, for an array; 0 otherwise.
    const COUNT: usize = 0;
    /// Writes the value at `offset`, as far as the buffer reaches.
    fn put_at(self, bytes: &mut [u8], offset: usize);
    /// Reads the value at `offset`; missing bytes are zero.
    fn get_at(bytes: &[u8], offset: usize) -> Self;
}

macro_rules! plain_integers {
    ($($ty:ident = $c:literal),*) => {
        $(impl Plain for $ty {
            const C_TYPE: &'static str = $c;
            fn put_at(self, bytes: &mut [u8], offset: usize) {
                for (to, from) in bytes.iter_mut().skip(offset).zip(self.to_le_bytes()) {
                    *to = from;
                }
            }
            fn get_at(bytes: &[u8], offset: usize) -> Self {
                let mut raw = [0; size_of::<$ty>()];
                for (to, from) in raw.iter_mut().zip(bytes.iter().skip(offset)) {
                    *to = *from;
                }
                Self::from_le_bytes(raw)
            }
        })*
    };
}

plain_integers!(
    u8 = "uint8_t",
    u16 = "uint16_t",
    u32 = "uint32_t",
    u64 = "uint64_t",
    i32 = "int32_t",
    i64 = "int64_t"
);

impl<T: Plain + Default, const N: usize> Plain for [T; N] {
    const C_TYPE: &'static str = T::C_TYPE;
    const COUNT: usize = N;
    fn put_at(self, bytes: &mut [u8], offset: usize) {
        for (index, item) in self.into_iter().enumerate() {
            item.put_at(bytes, offset.saturating_add(index * size_of::<T>()));
        }
    }
    fn get_at(bytes: &[u8], offset: usize) -> Self {
        core::array::from_fn(|index| T::get_at(bytes, offset.saturating_add(index * size_of::<T>())))
    }
}

/// Declares a `repr(C)` structure of plain fields and implements [`AbiStruct`] for it.
#[macro_export]
macro_rules! abi_struct {
    ($($(#[$doc:meta])* struct $name:ident as $c_name:literal {
        $($(#[$field_doc:meta])* $field:ident: $ty:ty,)*
    })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            #[repr(C)]
            pub struct $name {
                $($(#[$field_doc])* pub $field: $ty,)*
            }

            impl $crate::layout::AbiStruct for $name {
                const C_NAME: &'static str = $c_name;
                const SIZE: usize = size_of::<$name>();
                const FIELDS: &'static [$crate::layout::Field] = &[
                    $($crate::layout::Field {
                        name: stringify!($field),
                        c_type: <$ty as $crate::layout::Plain>::C_TYPE,
                        count: <$ty as $crate::layout::Plain>::COUNT,
                        offset: core::mem::offset_of!($name, $field),
                        size: size_of::<$ty>(),
                    },)*
                ];

                fn put(&self, bytes: &mut [u8]) {
                    $($crate::layout::Plain::put_at(self.$field, bytes, core::mem::offset_of!($name, $field));)*
                }

                fn get(bytes: &[u8]) -> Self {
                    Self {
                        $($field: $crate::layout::Plain::get_at(bytes, core::mem::offset_of!($name, $field)),)*
                    }
                }
            }
        )*
    };
}

#[cfg(test)]
#[allow(unreachable_pub)]
mod tests {
    use crate::layout::AbiStruct;

    abi_struct! {
        /// A structure with padding.
        struct Padded as "padded_t" {
            /// One byte, three of padding.
            a: u8,
            /// An array.
            b: [u32; 2],
            /// The end.
            c: i64,
        }
    }

    #[test]
    fn bytes_and_back() {
        let value = Padded { a: 7, b: [1, 0xFFFF_FFFF], c: -2 };
        let mut bytes = [0; Padded::SIZE];
        value.put(&mut bytes);
        assert_eq!(bytes[..8], [7, 0, 0, 0, 1, 0, 0, 0]);
        assert_eq!(Padded::get(&bytes), value);
        assert_eq!(Padded::FIELDS[2].offset, 16);
    }

    #[test]
    fn short_buffers_truncate_and_read_zero() {
        let value = Padded { a: 7, b: [1, 2], c: -1 };
        let mut bytes = [0; 9];
        value.put(&mut bytes);
        assert_eq!(Padded::get(&bytes), Padded { a: 7, b: [1, 2], c: 0 });
    }
}
