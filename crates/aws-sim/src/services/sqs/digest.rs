//! MD5 (RFC 1321): clients verify message bodies with it.

pub(super) fn md5(input: &[u8]) -> String {
    const TURNS: [u32; 16] = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];
    let mut bytes = input.to_vec();
    bytes.push(0x80);
    while bytes.len() % 64 != 56 {
        bytes.push(0);
    }
    let bits = u64::try_from(input.len()).unwrap_or(0).wrapping_mul(8);
    bytes.extend(bits.to_le_bytes());
    let mut state = [0x6745_2301_u32, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    for block in bytes.as_chunks::<64>().0 {
        let words: Vec<u32> = block
            .as_chunks::<4>()
            .0
            .iter()
            .map(|word| u32::from_le_bytes(*word))
            .collect();
        let [mut a, mut b, mut c, mut d] = state;
        for step in 0..64_u32 {
            let (mixed, place) = match step / 16 {
                0 => ((b & c) | (!b & d), step),
                1 => ((d & b) | (!d & c), 5 * step + 1),
                2 => (b ^ c ^ d, 3 * step + 5),
                _ => (c ^ (b | !d), 7 * step),
            };
            let word = words.get(index(place % 16)).copied().unwrap_or(0);
            let turn = TURNS
                .get(index(step / 16 * 4 + step % 4))
                .copied()
                .unwrap_or(0);
            let sum = a
                .wrapping_add(mixed)
                .wrapping_add(sine(step))
                .wrapping_add(word);
            (a, d, c, b) = (d, c, b, b.wrapping_add(sum.rotate_left(turn)));
        }
        for (whole, part) in state.iter_mut().zip([a, b, c, d]) {
            *whole = whole.wrapping_add(part);
        }
    }
    let bytes = state.iter().flat_map(|word| word.to_le_bytes());
    let digits: Vec<String> = bytes.map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(0)
}

/// The integer part of 2^32 times |sin(step + 1)|.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is not negative and below 2^32"
)]
fn sine(step: u32) -> u32 {
    (f64::from(step + 1).sin().abs() * 4_294_967_296.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc_hold() {
        let long =
            "12345678901234567890123456789012345678901234567890123456789012345678901234567890";
        for (text, expected) in [
            ("", "d41d8cd98f00b204e9800998ecf8427e"),
            ("abc", "900150983cd24fb0d6963f7d28e17f72"),
            (long, "57edf4a22be3c955ac49da2e2107b67a"),
        ] {
            assert_eq!(md5(text.as_bytes()), expected, "{text}");
        }
    }
}
