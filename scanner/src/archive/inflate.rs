//! Expands one deflate stream, counting what it produces.

use flate2::{Decompress, FlushDecompress, Status};

use super::ContentError;
use super::layout::Placed;
use super::rule::Rule;
use crate::clock::Deadline;

/// Input per step: the deadline is looked at this often, at the latest every 66 MiB of output.
const STEP_BYTES: usize = 64 << 10;

/// Expands `packed` into `buffer`. It must produce exactly what the entry declares, from exactly
/// the bytes that it occupies; production stops at the first byte too many.
pub(crate) fn expand(
    entry: &Placed<'_>,
    packed: &[u8],
    buffer: &mut Vec<u8>,
    deadline: &Deadline,
) -> Result<(), ContentError> {
    let refuse = |rule: Rule, seen: &str| Err(entry.refuse(rule).at(entry.data_at).saw(seen).into());
    buffer.clear();
    // One byte more than declared, so that a stream that goes on shows itself.
    buffer.reserve_exact(usize::try_from(entry.expanded).unwrap_or_default().saturating_add(1));
    let mut stream = Decompress::new(false);
    loop {
        if deadline.is_over() {
            return Err(ContentError::OutOfTime);
        }
        let consumed = usize::try_from(stream.total_in()).unwrap_or(usize::MAX);
        let rest = packed.get(consumed..).unwrap_or_default();
        let input = rest.get(..STEP_BYTES).unwrap_or(rest);
        let (before_in, before_out) = (stream.total_in(), stream.total_out());
        let Ok(status) = stream.decompress_vec(input, buffer, FlushDecompress::None) else {
            return refuse(Rule::DamagedStream, "the compressed data is invalid");
        };
        if buffer.len() as u64 > entry.expanded {
            return refuse(Rule::SizeMismatch, "it expands to more than it declares");
        }
        match status {
            Status::StreamEnd => break,
            _ if (stream.total_in(), stream.total_out()) == (before_in, before_out) => {
                return refuse(Rule::DamagedStream, "the compressed data ends too early");
            }
            _ => {}
        }
    }
    if buffer.len() as u64 != entry.expanded {
        return refuse(Rule::SizeMismatch, "it expands to less than it declares");
    }
    if stream.total_in() != entry.packed {
        return refuse(
            Rule::DamagedStream,
            "there are bytes after the end of its compressed data",
        );
    }
    Ok(())
}
