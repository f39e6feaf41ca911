//! Opens the listeners that the options ask for.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;

use crate::emulator::Emulator;
use crate::error::Error;
use crate::invoke_api::InvokeApi;
use crate::options::{DoorKind, Function, Options};
use crate::server::{self, OwnedTask};

impl Emulator {
    pub(crate) async fn open_doors(
        &mut self,
        options: &Options,
        function: &Arc<Function>,
    ) -> Result<(), Error> {
        for door in &options.doors {
            let purpose = format!("the door {:?}", door.kind);
            let listener = server::bind(door.address, &purpose).await?;
            let address = listener.local_addr().map_err(Error::system("a door has no address"))?;
            let task = self.open(listener, address, door.kind.clone(), function);
            self.tasks.push(task);
            self.doors.push((door.kind.clone(), address));
        }
        Ok(())
    }

    fn open(
        &self,
        listener: TcpListener,
        _address: SocketAddr,
        kind: DoorKind,
        function: &Arc<Function>,
    ) -> OwnedTask {
        let pool = Arc::clone(&self.pool);
        let function = Arc::clone(function);
        match kind {
            DoorKind::Invoke => {
                let api = Arc::new(InvokeApi { function, pool });
                OwnedTask::spawn(server::serve(listener, move |request, _| {
                    let api = Arc::clone(&api);
                    async move { api.handle(request).await }
                }))
            }
            _ => OwnedTask::spawn(async {}),
        }
    }
}
