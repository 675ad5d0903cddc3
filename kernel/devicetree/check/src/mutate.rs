//! Mutations that know what a device tree is made of: most of them leave the blob well-formed and its meaning broken.

use crate::writer::{BEGIN_NODE, END, END_NODE, NOP, PROP};

/// Random numbers that a seed determines (SplitMix64).
#[derive(Clone, Copy, Debug)]
pub struct Random(u64);

impl Random {
    /// Starts from a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn word64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`; 0 if that is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.word64() % limit.max(1) as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// A word that says something to a parser.
    fn word(&mut self) -> u32 {
        const TELLING: [u32; 16] = [
            0,
            1,
            2,
            3,
            4,
            5,
            8,
            9,
            16,
            0x1000,
            0x7fff_ffff,
            0x8000_0000,
            0xffff_f000,
            0xffff_fffe,
            u32::MAX,
            40,
        ];
        match self.below(4) {
            0 => self.word64() as u32,
            1 => self.below(256) as u32,
            _ => self.pick(&TELLING),
        }
    }
}

/// A piece of the structure block.
#[derive(Clone, Debug)]
enum Token {
    Begin(Vec<u8>),
    End,
    /// The name's offset in the strings block, and the value.
    Prop(u32, Vec<u8>),
    Word(u32),
}

/// A tree that can be taken apart and put together again.
#[derive(Clone, Debug)]
pub struct Model {
    tokens: Vec<Token>,
    strings: Vec<u8>,
    reservations: Vec<u8>,
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_be_bytes)
}

impl Model {
    /// Takes a blob apart; `None` if it is too broken for that.
    pub fn read(blob: &[u8]) -> Option<Self> {
        let at = |index: usize| word(blob, index * 4).map(|word| word as usize);
        let (structure, strings, reservations) = (at(2)?, at(3)?, at(4)?);
        let strings = blob.get(strings..strings.checked_add(at(8)?)?)?.to_vec();
        let structure = blob.get(structure..structure.checked_add(at(9)?)?)?;
        let mut ends = blob.get(reservations..)?.chunks_exact(16);
        let count = ends.position(|entry| entry.iter().all(|byte| *byte == 0))?;
        let reservations = blob.get(reservations..reservations + count * 16)?.to_vec();
        let mut tokens = Vec::new();
        let mut place = 0;
        while let Some(token) = word(structure, place) {
            place += 4;
            match token {
                BEGIN_NODE => {
                    let length = structure.get(place..)?.iter().position(|byte| *byte == 0)?;
                    tokens.push(Token::Begin(structure[place..place + length].to_vec()));
                    place = (place + length + 1).div_ceil(4) * 4;
                }
                END_NODE => tokens.push(Token::End),
                PROP => {
                    let length = word(structure, place)? as usize;
                    let value = structure.get(place + 8..(place + 8).checked_add(length)?)?;
                    tokens.push(Token::Prop(word(structure, place + 4)?, value.to_vec()));
                    place = (place + 8 + length).div_ceil(4) * 4;
                }
                other => tokens.push(Token::Word(other)),
            }
        }
        Some(Self { tokens, strings, reservations })
    }

    /// Puts the blob together.
    pub fn write(&self) -> Vec<u8> {
        let mut blob = vec![0; 40];
        blob.extend(&self.reservations);
        blob.extend([0; 16]);
        let structure = blob.len();
        for token in &self.tokens {
            match token {
                Token::Begin(name) => {
                    blob.extend(BEGIN_NODE.to_be_bytes());
                    blob.extend(name);
                    blob.push(0);
                }
                Token::End => blob.extend(END_NODE.to_be_bytes()),
                Token::Prop(name, value) => {
                    for word in [PROP, value.len() as u32, *name] {
                        blob.extend(word.to_be_bytes());
                    }
                    blob.extend(value);
                }
                Token::Word(word) => blob.extend(word.to_be_bytes()),
            }
            blob.resize((blob.len()).div_ceil(4) * 4, 0);
        }
        let strings = blob.len();
        blob.extend(&self.strings);
        let words = [
            0xd00d_feed,
            blob.len(),
            structure,
            strings,
            40,
            17,
            16,
            0,
            self.strings.len(),
            strings - structure,
        ];
        for (place, word) in blob.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&(word as u32).to_be_bytes());
        }
        blob
    }

    /// Puts the other tree's nodes behind the last of this one's root.
    pub fn graft(&mut self, other: &Self) {
        let (Some(first), Some(last)) = (other.begins().get(1).copied(), self.last_end()) else { return };
        let shift = self.strings.len() as u32;
        let nodes = other.tokens.get(first..other.last_end().unwrap_or(first)).unwrap_or(&[]);
        let shifted = nodes.iter().cloned().map(|token| match token {
            Token::Prop(name, value) => Token::Prop(name + shift, value),
            token => token,
        });
        self.tokens.splice(last..last, shifted.collect::<Vec<_>>());
        self.strings.extend(&other.strings);
    }

    /// The `End` of the root.
    fn last_end(&self) -> Option<usize> {
        self.tokens.iter().rposition(|token| matches!(token, Token::End))
    }

    /// Places of tokens of a kind.
    fn places(&self, wanted: impl Fn(&Token) -> bool) -> Vec<usize> {
        (0..self.tokens.len()).filter(|at| wanted(&self.tokens[*at])).collect()
    }

    fn begins(&self) -> Vec<usize> {
        self.places(|token| matches!(token, Token::Begin(_)))
    }

    fn props(&self) -> Vec<usize> {
        self.places(|token| matches!(token, Token::Prop(..)))
    }

    /// Properties of a name.
    fn named(&self, name: &[u8]) -> Vec<usize> {
        let is = |offset: u32| self.strings.get(offset as usize..).is_some_and(|tail| tail.starts_with(name));
        self.places(|token| matches!(token, Token::Prop(offset, _) if is(*offset)))
    }

    /// One past the `End` of the node that begins at `begin`.
    fn behind(&self, begin: usize) -> usize {
        let mut depth = 0usize;
        for at in begin..self.tokens.len() {
            match self.tokens[at] {
                Token::Begin(_) => depth += 1,
                Token::End => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                return at + 1;
            }
        }
        self.tokens.len()
    }

    fn value(&mut self, at: usize) -> Option<&mut Vec<u8>> {
        match self.tokens.get_mut(at)? {
            Token::Prop(_, value) => Some(value),
            _ => None,
        }
    }
}

/// Overwrites a random cell of a value.
fn set_cell(value: &mut [u8], random: &mut Random, cell: u32) {
    let at = random.below(value.len() / 4) * 4;
    if let Some(place) = value.get_mut(at..at + 4) {
        place.copy_from_slice(&cell.to_be_bytes());
    }
}

type Mutation = fn(&mut Model, &mut Random) -> Option<()>;

/// Changes that know the structure.
const MUTATIONS: [Mutation; 19] = [
    // Any word for a token.
    |model, random| {
        let at = random.below(model.tokens.len());
        *model.tokens.get_mut(at)? = Token::Word(random.word());
        Some(())
    },
    // NOPs.
    |model, random| {
        let at = random.below(model.tokens.len());
        model.tokens.insert(at, Token::Word(NOP));
        Some(())
    },
    // A node that does not end.
    |model, random| {
        let ends = model.places(|token| matches!(token, Token::End));
        model.tokens.remove(*ends.get(random.below(ends.len()))?);
        Some(())
    },
    // A token too many.
    |model, random| {
        let at = random.below(model.tokens.len());
        let token = [Token::End, Token::Begin(b"n".to_vec()), Token::Word(END)][random.below(3)].clone();
        model.tokens.insert(at, token);
        Some(())
    },
    // Deep nesting.
    |model, random| {
        let begins = model.begins();
        let begin = *begins.get(random.below(begins.len()))?;
        let (behind, levels) = (model.behind(begin), random.below(18));
        model.tokens.splice(behind..behind, (0..levels).map(|_| Token::End));
        model.tokens.splice(begin..begin, (0..levels).map(|_| Token::Begin(b"deep".to_vec())));
        Some(())
    },
    // A cell of a value.
    |model, random| {
        let props = model.props();
        let at = *props.get(random.below(props.len()))?;
        let cell = random.word();
        set_cell(model.value(at)?, random, cell);
        Some(())
    },
    // A longer or a shorter value.
    |model, random| {
        let props = model.props();
        let at = *props.get(random.below(props.len()))?;
        let change = random.pick(&[0usize, 1, 3, 4, 8, 12, 16, 20, 64]);
        let value = model.value(at)?;
        let length =
            if random.below(2) == 0 { value.len().saturating_sub(change) } else { value.len() + change };
        value.resize(length, random.below(3) as u8);
        Some(())
    },
    // Another name for a property.
    |model, random| {
        let props = model.props();
        let at = *props.get(random.below(props.len()))?;
        let other = *props.get(random.below(props.len()))?;
        let Token::Prop(offset, _) = model.tokens[other] else { return None };
        let offset = if random.below(4) == 0 { random.word() } else { offset };
        if let Token::Prop(name, _) = &mut model.tokens[at] {
            *name = offset;
        }
        Some(())
    },
    // The strings block.
    |model, random| {
        let at = random.below(model.strings.len());
        *model.strings.get_mut(at)? = random.pick(&[0, b'#', b'a', b' ', 0x7f, 0xff]);
        if random.below(8) == 0 {
            model.strings.truncate(at);
        }
        Some(())
    },
    // A node copied to another place.
    |model, random| {
        let begins = model.begins();
        let (from, to) = (*begins.get(random.below(begins.len()))?, *begins.get(random.below(begins.len()))?);
        let copy: Vec<Token> =
            model.tokens.get(from..model.behind(from))?.iter().take(400).cloned().collect();
        model.tokens.splice(to..to, copy);
        Some(())
    },
    // A node removed.
    |model, random| {
        let begins = model.begins();
        let begin = *begins.get(random.below(begins.len()))?;
        let behind = model.behind(begin);
        model.tokens.drain(begin..behind);
        Some(())
    },
    // A property removed, doubled, or moved.
    |model, random| {
        let props = model.props();
        let at = *props.get(random.below(props.len()))?;
        let prop = model.tokens[at].clone();
        let to = random.below(model.tokens.len());
        match random.below(3) {
            0 => drop(model.tokens.remove(at)),
            1 => model.tokens.insert(at, prop),
            _ => model.tokens.insert(to, prop),
        }
        Some(())
    },
    // Another name for a node.
    |model, random| {
        let begins = model.begins();
        let at = *begins.get(random.below(begins.len()))?;
        let names: [&[u8]; 9] = [
            b"",
            b"memory",
            b"memory@0",
            b"reserved-memory",
            b"chosen",
            b"aliases",
            b"cpus",
            b"a/b",
            b"\x07",
        ];
        let name = names[random.below(names.len())];
        if let Token::Begin(old) = &mut model.tokens[at] {
            *old = if random.below(8) == 0 { vec![b'n'; 250 + random.below(12)] } else { name.to_vec() };
        }
        Some(())
    },
    // Aliases and paths that lead to each other.
    |model, random| {
        let names: [&[u8]; 4] = [b"stdout-path\0", b"serial0\0", b"serial1\0", b"bootargs\0"];
        let places = model.named(names[random.below(names.len())]);
        let at = *places.get(random.below(places.len()))?;
        let texts: [&[u8]; 8] = [
            b"serial0\0",
            b"serial1:8\0",
            b"/",
            b"\0",
            b"/soc/uart\0",
            b"serial0/uart\0",
            b"////\0",
            b"\xff\xfe",
        ];
        *model.value(at)? = texts[random.below(texts.len())].to_vec();
        Some(())
    },
    // Phandles that lead to each other.
    |model, random| {
        let names: [&[u8]; 3] = [b"phandle\0", b"interrupt-parent\0", b"interrupts-extended\0"];
        let places = model.named(names[random.below(names.len())]);
        let at = *places.get(random.below(places.len()))?;
        let phandle = random.pick(&[0, 1, 2, 3, 7, u32::MAX]);
        set_cell(model.value(at)?, random, phandle);
        Some(())
    },
    // An interrupt-map that leads to itself or to another.
    |model, random| {
        let places = model.named(b"interrupt-map\0");
        let at = *places.get(random.below(places.len()))?;
        let value = model.value(at)?;
        let phandle = random.pick(&[1u32, 2, 3, 7]);
        for _ in 0..1 + random.below(4) {
            set_cell(value, random, phandle);
        }
        Some(())
    },
    // Counts of cells.
    |model, random| {
        let names: [&[u8]; 3] = [b"#address-cells\0", b"#size-cells\0", b"#interrupt-cells\0"];
        let places = model.named(names[random.below(names.len())]);
        let at = *places.get(random.below(places.len()))?;
        let count = random.pick(&[0u32, 1, 2, 3, 4, 5, 8, 9, 255, u32::MAX]);
        *model.value(at)? = count.to_be_bytes().to_vec();
        Some(())
    },
    // Ranges: empty, doubled, turned round.
    |model, random| {
        let names: [&[u8]; 3] = [b"ranges\0", b"dma-ranges\0", b"reg\0"];
        let places = model.named(names[random.below(names.len())]);
        let at = *places.get(random.below(places.len()))?;
        let cells = random.below(8) * 4;
        let value = model.value(at)?;
        match random.below(3) {
            0 => value.clear(),
            1 => value.extend_from_within(..),
            _ => {
                let by = cells.min(value.len());
                value.rotate_left(by);
            }
        }
        Some(())
    },
    // The memory reservation block.
    |model, random| {
        let entry = [random.word64() >> random.below(64), u64::from(random.word())];
        model.reservations.extend(entry.iter().flat_map(|word| word.to_be_bytes()));
        Some(())
    },
];

/// Damages the bytes of a blob: flips, the header, a word, a cut, a piece copied over another.
pub fn damage(blob: &mut Vec<u8>, random: &mut Random) {
    let (from, to) = (random.below(blob.len()), random.below(blob.len()));
    let (words, cell) = (to / 4 * 4, random.word());
    match random.below(6) {
        0 => blob[to] ^= 1 << random.below(8),
        1 => {
            // Near what it was, or anything.
            let at = random.below(10) * 4;
            let near =
                word(blob, at).unwrap_or(0).wrapping_add(random.pick(&[1, 4, 8, 16, u32::MAX, u32::MAX - 3]));
            let value = if random.below(3) == 0 { cell } else { near };
            if let Some(place) = blob.get_mut(at..at + 4) {
                place.copy_from_slice(&value.to_be_bytes());
            }
        }
        2 => blob.truncate(to),
        3 => {
            let length = (1 + random.below(64)).min(blob.len() - from.max(to));
            blob.copy_within(from..from + length, to);
        }
        4 => blob.extend((0..random.below(64)).map(|_| 0)),
        _ => {
            if let Some(place) = blob.get_mut(words..words + 4) {
                place.copy_from_slice(&cell.to_be_bytes());
            }
        }
    }
}

/// A mutation of `base`: one to four changes, most of them of the structure.
pub fn mutate(base: &Model, random: &mut Random) -> Vec<u8> {
    let mut model = base.clone();
    for _ in 0..1 + random.below(4) {
        let mutation = MUTATIONS[random.below(MUTATIONS.len())];
        // What finds nothing to change changes nothing.
        let _ = mutation(&mut model, random);
    }
    let mut blob = model.write();
    while random.below(4) == 0 && !blob.is_empty() {
        damage(&mut blob, random);
    }
    blob
}
