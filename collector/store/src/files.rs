//! Segments and blocks as files on an object store.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::{Buf, Bytes};
use futures_util::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt, local::LocalFileSystem, path::Path as ObjectPath};
use parquet::{
    errors::{ParquetError, Result as ParquetResult},
    file::reader::{ChunkReader, Length},
};
use tokio::runtime::Runtime;

use crate::StoreError;

/// Where the files of segments and blocks are.
#[derive(Debug)]
pub(crate) struct Files {
    objects: Arc<dyn ObjectStore>,
    /// The directory behind `objects` when that is this machine's file system: then files are synced by path and
    /// read without the detour.
    local: Option<PathBuf>,
    driver: Arc<Driver>,
}

/// Drives the object store's futures on the calling thread.
#[derive(Debug)]
struct Driver(Option<Runtime>);

impl Driver {
    fn wait<T>(&self, future: impl Future<Output = object_store::Result<T>>) -> object_store::Result<T> {
        match &self.0 {
            Some(runtime) => runtime.block_on(future),
            None => Err(object_store::Error::Generic { store: "closed", source: "already closed".into() }),
        }
    }
}

impl Drop for Driver {
    /// A runtime may not be dropped where async code runs, and the store's owner may well be there.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Files {
    /// Files in an object store, or in a local directory.
    pub(crate) fn open(objects: Option<Arc<dyn ObjectStore>>, dir: &Path) -> Result<Self, StoreError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(StoreError::file("start a runtime for", dir))?;
        let driver = Arc::new(Driver(Some(runtime)));
        if let Some(objects) = objects {
            return Ok(Self { objects, local: None, driver });
        }
        std::fs::create_dir_all(dir).map_err(StoreError::file("create", dir))?;
        let objects = Arc::new(LocalFileSystem::new_with_prefix(dir)?.with_automatic_cleanup(true));
        Ok(Self { objects, local: Some(dir.to_owned()), driver })
    }

    /// Writes the files of one folder. When this returns they are on the disk.
    pub(crate) fn put_folder(&self, folder: &str, files: Vec<(String, Vec<u8>)>) -> Result<(), StoreError> {
        let names: Vec<String> = files.iter().map(|(name, _)| name.clone()).collect();
        for (name, content) in files {
            let path = ObjectPath::from(format!("{folder}/{name}"));
            self.driver.wait(self.objects.put(&path, content.into()))?;
        }
        let Some(root) = &self.local else { return Ok(()) };
        let dir = root.join(folder);
        let parents = dir.ancestors().take_while(|path| path.starts_with(root)).map(Path::to_owned);
        for path in names.iter().map(|name| dir.join(name)).chain(parents) {
            let synced = File::open(&path).and_then(|file| file.sync_all());
            synced.map_err(StoreError::file("sync", &path))?;
        }
        Ok(())
    }

    /// Deletes a file; one that is gone already is fine.
    pub(crate) fn delete(&self, path: &str) -> Result<(), StoreError> {
        match self.driver.wait(self.objects.delete(&ObjectPath::from(path))) {
            Err(object_store::Error::NotFound { .. }) => Ok(()),
            other => Ok(other?),
        }
    }

    /// The paths of all files.
    pub(crate) fn list(&self) -> Result<Vec<String>, StoreError> {
        let listed: Vec<_> = self.driver.wait(self.objects.list(None).try_collect())?;
        Ok(listed.into_iter().map(|meta| meta.location.to_string()).collect())
    }

    /// Opens a file of known size.
    pub(crate) fn open_table(&self, path: &str, size_bytes: u64) -> Result<TableFile, StoreError> {
        let Some(root) = &self.local else {
            let (objects, driver) = (self.objects.clone(), self.driver.clone());
            let source = Source::Remote { objects, path: ObjectPath::from(path), driver };
            return Ok(TableFile { source, size_bytes });
        };
        let path = root.join(path);
        let file = File::open(&path).map_err(StoreError::file("open", &path))?;
        Ok(TableFile { source: Source::Local(Arc::new(file)), size_bytes })
    }
}

/// A file that Parquet tables are read from.
#[derive(Clone, Debug)]
pub(crate) struct TableFile {
    source: Source,
    size_bytes: u64,
}

#[derive(Clone, Debug)]
enum Source {
    Local(Arc<File>),
    Remote { objects: Arc<dyn ObjectStore>, path: ObjectPath, driver: Arc<Driver> },
}

impl TableFile {
    /// The CRC-32 of the whole content.
    pub(crate) fn checksum(&self) -> ParquetResult<u32> {
        const PIECE_BYTES: u64 = 1 << 20;
        let mut hasher = crc32fast::Hasher::new();
        let mut at = 0;
        while at < self.size_bytes {
            let length = PIECE_BYTES.min(self.size_bytes - at);
            hasher.update(&self.get_bytes(at, length as usize)?);
            at += length;
        }
        Ok(hasher.finalize())
    }
}

impl Length for TableFile {
    fn len(&self) -> u64 {
        self.size_bytes
    }
}

impl ChunkReader for TableFile {
    type T = io::BufReader<Tail>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        Ok(io::BufReader::with_capacity(8 << 10, Tail { file: self.clone(), at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        if start.saturating_add(length as u64) > self.size_bytes {
            return Err(ParquetError::EOF(format!("{length} bytes at {start} of {}", self.size_bytes)));
        }
        match &self.source {
            Source::Local(file) => {
                let mut content = vec![0; length];
                file.read_exact_at(&mut content, start)?;
                Ok(content.into())
            }
            Source::Remote { objects, path, driver } => driver
                .wait(objects.get_range(path, start..start + length as u64))
                .map_err(|error| ParquetError::External(Box::new(error))),
        }
    }
}

/// A table file from some position to its end.
#[derive(Debug)]
pub(crate) struct Tail {
    file: TableFile,
    at: u64,
}

impl io::Read for Tail {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = (into.len() as u64).min(self.file.size_bytes.saturating_sub(self.at)) as usize;
        let content = self.file.get_bytes(self.at, length).map_err(io::Error::other)?;
        content.reader().read_exact(into.get_mut(..length).unwrap_or_default())?;
        self.at += length as u64;
        Ok(length)
    }
}
