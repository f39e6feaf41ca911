//! An object that is read from its beginning, and unpacked as it comes.

use flate2::write::MultiGzDecoder;
use predictor_host::{Class, HostError};

use super::format::Content;
use super::part::Parts;
use super::results::unreadable;
use super::rows::Rows;
use crate::failure::refused;
use crate::function::Work;
use aws_call::Found;

/// What is unpacked at once: gzip grows it a thousandfold at most.
const PACKED_BYTES: usize = 8 << 10;

/// Reads rows as they come, and predicts and writes them part by part.
pub(super) async fn predict(
    work: &mut Work,
    mut parts: Parts<'_>,
    mut found: Found,
    content: Content,
    gzip: bool,
) -> Result<(), HostError> {
    let patience = work.invocation.deadline.for_work();
    let mut rows = Rows::new(content, &work.model);
    let mut unpacker = gzip.then(|| MultiGzDecoder::new(Vec::new()));
    // Rows that an earlier try has done.
    let mut skip = parts.skipped();
    loop {
        let chunk = found.chunk(patience).await.map_err(|error| unreadable(&error))?;
        let end = chunk.is_none();
        let chunk = chunk.unwrap_or_default();
        let pieces = chunk.chunks(PACKED_BYTES).chain(end.then_some(&[][..]));
        for piece in pieces {
            match &mut unpacker {
                None => rows.push(piece)?,
                Some(unpacker) => {
                    rows.push(&unpacked(unpacker, piece, end)?)?;
                }
            }
            if end {
                rows.finish()?;
            }
            while let Some(row) = rows.next() {
                if skip > 0 {
                    skip -= 1;
                    continue;
                }
                parts.add(work, row).await?;
            }
        }
        if end {
            break;
        }
    }
    parts.finish(work).await
}

/// What a piece of gzip data unpacks to.
fn unpacked(
    unpacker: &mut MultiGzDecoder<Vec<u8>>,
    piece: &[u8],
    end: bool,
) -> Result<Vec<u8>, HostError> {
    use std::io::Write;
    let written = unpacker
        .write_all(piece)
        .and_then(|()| if end { unpacker.try_finish() } else { unpacker.flush() });
    written.map_err(|error| {
        let message = format!("gzip data that are damaged or cut short: {error}");
        refused(Class::InvalidInput, "invalid-gzip", message)
    })?;
    Ok(std::mem::take(unpacker.get_mut()))
}
