//! Opens the listeners that the options ask for.

use std::sync::Arc;

use tokio::net::TcpListener;

use crate::asynchronous::AsynchronousQueue;
use crate::emulator::Emulator;
use crate::error::Error;
use crate::http_door::HttpDoor;
use crate::invoke_api::InvokeApi;
use crate::options::{DoorKind, Function, Options};
use crate::server::{self, OwnedTask};

impl Emulator {
    pub(crate) async fn open_doors(
        &mut self,
        options: &Options,
        function: &Arc<Function>,
        asynchronous: &Arc<AsynchronousQueue>,
    ) -> Result<(), Error> {
        for door in &options.doors {
            let purpose = format!("the door {:?}", door.kind);
            let listener = server::bind(door.address, &purpose).await?;
            let address = listener.local_addr().map_err(Error::system("a door has no address"))?;
            let task = self.open(listener, door.kind.clone(), function, asynchronous);
            self.tasks.push(task);
            self.doors.push((door.kind.clone(), address));
        }
        Ok(())
    }

    fn open(
        &self,
        listener: TcpListener,
        kind: DoorKind,
        function: &Arc<Function>,
        asynchronous: &Arc<AsynchronousQueue>,
    ) -> OwnedTask {
        let pool = Arc::clone(&self.pool);
        let function = Arc::clone(function);
        match kind {
            DoorKind::Invoke => {
                let api =
                    Arc::new(InvokeApi { function, pool, asynchronous: Arc::clone(asynchronous) });
                OwnedTask::spawn(server::serve(listener, move |request, _| {
                    let api = Arc::clone(&api);
                    async move { api.handle(request).await }
                }))
            }
            kind => {
                let log = Arc::clone(&self.log);
                let door = Arc::new(HttpDoor { kind, function, pool, log });
                OwnedTask::spawn(server::serve(listener, move |request, peer| {
                    let door = Arc::clone(&door);
                    async move { door.handle(request, peer).await }
                }))
            }
        }
    }
}
